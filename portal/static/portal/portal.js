// What moves in the browser beside htmx: keys, copying, relative times, the event log. No inline scripts: CSP.
(function () {
  "use strict";

  var GO = { h: "/", e: "/lifecycle/environment/", a: "/approvals/", o: "/operations/operation/", s: "/", c: "/lifecycle/account/", r: "/lifecycle/release/", n: "/environments/new/" };
  var pendingGo = 0;

  function typing(target) {
    return target.closest("input, textarea, select, [contenteditable]") !== null;
  }

  // A page without a search of its own leads to that of the environments.
  function focusSearch() {
    var field = document.querySelector("#searchbar, [data-search]");
    if (field) { field.focus(); field.select(); } else { window.location.assign(GO.e + "#searchbar"); }
  }

  function help() {
    var dialog = document.getElementById("sy-help");
    if (dialog) { if (dialog.open) { dialog.close(); } else { dialog.showModal(); } }
  }

  document.addEventListener("keydown", function (event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) { return; }
    if (Date.now() - pendingGo < 1200) {
      pendingGo = 0;
      if (GO[event.key]) { event.preventDefault(); window.location.assign(GO[event.key]); return; }
    }
    if (event.key === "g") { pendingGo = Date.now(); }
    else if (event.key === "?") { event.preventDefault(); help(); }
    else if (event.key === "/") { event.preventDefault(); focusSearch(); }
  });

  document.addEventListener("click", function (event) {
    var copy = event.target.closest("[data-copy]");
    if (copy) {
      var text = copy.parentElement.querySelector("pre, code").textContent;
      navigator.clipboard.writeText(text).then(function () {
        copy.textContent = "Copied";
        setTimeout(function () { copy.textContent = "Copy"; }, 1500);
      });
    }
    if (event.target.closest("[data-help]")) { help(); }
    if (event.target.closest("[data-close]")) { event.target.closest("dialog").close(); }
    var opener = event.target.closest("[data-dialog]");
    if (opener) { document.getElementById(opener.dataset.dialog).showModal(); }
  });

  // Relative times grow old: say them anew. The same words as environments/display.py.
  function words(seconds) {
    if (seconds < 60) { return seconds + " s"; }
    var minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
    if (minutes < 60) { return minutes + " min"; }
    if (hours < 24) { return hours + " h" + (minutes % 60 ? " " + (minutes % 60) + " min" : ""); }
    return days > 1 ? days + " days" : "1 day " + (hours % 24) + " h";
  }

  var exact = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });

  function tick() {
    var now = Date.now();
    document.querySelectorAll("time[data-ago]").forEach(function (node) {
      var moment = Date.parse(node.getAttribute("datetime"));
      var past = Math.round((now - moment) / 1000);
      // Who has set no zone is told the exact time in the browser's too.
      if (/UTC$/.test(node.title) && node.title.indexOf("·") < 0 && new Date(moment).getTimezoneOffset()) { node.title = exact.format(moment) + " · " + node.title; }
      node.textContent = Math.abs(past) < 10 ? "just now" : past < 0 ? "in " + words(-past) : words(past) + " ago";
    });
    document.querySelectorAll("[data-since]").forEach(function (node) {
      var past = Math.max(0, Math.round((now - Date.parse(node.dataset.since)) / 1000));
      node.textContent = past < 600 && past >= 60 ? Math.floor(past / 60) + " min " + (past % 60) + " s" : words(past);
    });
  }
  setInterval(tick, 1000);

  // The theme's frame has no landmark for what a page is about.
  var main = document.getElementById("main");
  if (main) { main.setAttribute("role", "main"); }

  // The event log: follows while one looks at its end; filters by level and step.
  var follows = true;

  function filterLog() {
    var log = document.getElementById("events");
    if (!log) { return; }
    var step = document.getElementById("log-step"), level = document.getElementById("log-level");
    log.dataset.level = level ? level.value : "";
    log.querySelectorAll("li").forEach(function (line) {
      line.classList.toggle("other-step", Boolean(step && step.value && line.dataset.step !== step.value));
    });
  }

  function followLog() {
    var log = document.getElementById("events");
    if (log && follows && !window.location.hash) { log.scrollTop = log.scrollHeight; }
  }

  document.addEventListener("change", function (event) {
    if (event.target.id === "log-level" || event.target.id === "log-step") { filterLog(); }
    if (event.target.id === "log-follow") { follows = event.target.checked; followLog(); }
  });

  // A table that is filtered as one types: <input data-filter="table-id">.
  function filterTable(field) {
    var wanted = field.value.trim().toLowerCase();
    document.querySelectorAll("#" + field.dataset.filter + " tbody tr").forEach(function (row) {
      row.hidden = row.textContent.toLowerCase().indexOf(wanted) < 0;
    });
  }

  function filterTables() {
    document.querySelectorAll("[data-filter]").forEach(filterTable);
  }

  document.addEventListener("input", function (event) {
    if (event.target.dataset && event.target.dataset.filter) { filterTable(event.target); }
  });

  // What the live part replaces stays where one had scrolled to.
  function keepScroll() {
    var places = {};
    document.body.addEventListener("htmx:beforeSwap", function () {
      document.querySelectorAll("#live .sy-scroll").forEach(function (box, at) { places[at] = box.scrollTop; });
    });
    document.body.addEventListener("htmx:afterSwap", function () {
      document.querySelectorAll("#live .sy-scroll").forEach(function (box, at) { box.scrollTop = places[at] || 0; });
    });
  }

  // A dangerous button works once its word is typed.
  document.addEventListener("input", function (event) {
    var field = event.target.closest("[data-confirm]");
    if (field) {
      var button = field.form.querySelector("[data-confirmed]");
      button.disabled = field.value.trim() !== field.dataset.confirm;
    }
  });

  document.addEventListener("DOMContentLoaded", function () {
    tick();
    followLog();
    if (window.location.hash === "#searchbar") { focusSearch(); }
    document.body.addEventListener("htmx:afterSettle", function () { tick(); filterLog(); filterTables(); followLog(); });
    keepScroll();
    // Errors of a poll are passing: the next one tries again.
    document.body.addEventListener("htmx:beforeSwap", function (event) {
      if (event.detail.xhr.status >= 400) { event.detail.shouldSwap = false; }
    });
  });
})();
