"""The public API as a script would use it, with a person's token."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from devtools.trouble import Trouble


@dataclass(frozen=True)
class Api:
    """One person's view of the portal."""

    url: str
    token: str

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of `GET /api/v1/<path>`."""
        return self._call("GET", path, params=params)

    def post(self, path: str, body: object = None) -> Any:
        """The JSON of `POST /api/v1/<path>`; sent once however often the connection breaks."""
        return self._call("POST", path, json=body if body is not None else {})

    def all(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """The rows of a list's first page."""
        rows: list[dict[str, Any]] = self.get(path, **params)["results"]
        return rows

    def _call(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        try:
            answer = httpx.request(
                method, f"{self.url}/api/v1/{path}", headers=headers, timeout=60, trust_env=False, **options
            )
        except httpx.TransportError as error:
            raise Trouble(f"The portal's API could not be reached: {error}.") from error
        if answer.is_error:
            raise Trouble(f"{method} {path} was refused ({answer.status_code}): {_sentence(answer)}")
        return answer.json() if answer.content else None


def _sentence(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return answer.text[:300]
    if not isinstance(problem, dict):
        return str(problem)[:300]
    words = [str(problem.get("detail") or problem.get("title") or problem)]
    words += [f"{error}" for error in problem.get("errors", [])]
    return " ".join(words)
