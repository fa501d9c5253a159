"""A signed-in person without a browser: the same requests, cookies and second factor."""

import re
from urllib.parse import urlsplit

import httpx
import pyotp

from devtools.demo.seed import Person
from devtools.trouble import Trouble

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def signed_in(url: str, person: Person) -> httpx.Client:
    """A client with the session of `person`."""
    client = httpx.Client(base_url=url, follow_redirects=True, timeout=60, trust_env=False)
    page = client.get("/accounts/login/")
    page = _send(client, page, {"login": person.username, "password": person.password})
    if "code" in page.text and "authenticate" in page.url.path:
        page = _send(client, page, {"code": pyotp.TOTP(person.totp_secret).now()})
    if page.url.path.startswith("/accounts/"):
        raise Trouble(f"Signing in as {person.username} ended at {page.url.path}.")
    return client


def _send(client: httpx.Client, page: httpx.Response, fields: dict[str, str]) -> httpx.Response:
    found = TOKEN.search(page.text)
    if found is None:
        raise Trouble(f"{page.url.path} has no form.")
    target = urlsplit(str(page.url))
    return client.post(
        target.path,
        data={**fields, "csrfmiddlewaretoken": found[1]},
        headers={"Referer": f"{target.scheme}://{target.netloc}{target.path}"},
    )
