"""What an application must keep to, to run in an environment (docs/your-application.md), and whether it does.

`static` reads a bundle's files, `running` asks a process; both answer findings. Standard library alone: a team's own
pipeline runs it beside the application, without the portal and without AWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["must", "should"]


@dataclass(frozen=True)
class Rule:
    """One rule of the contract. `must`: an application that breaks it fails in an environment, now or on a bad day."""

    key: str
    level: Level
    words: str


@dataclass(frozen=True)
class Finding:
    """A rule that is broken, and how: one sentence."""

    rule: Rule
    sentence: str

    def told(self) -> dict[str, str]:
        return {"rule": self.rule.key, "level": self.rule.level, "sentence": self.sentence}


RULES = {
    rule.key: rule
    for rule in (
        Rule("dockerfile", "must", "The bundle has a Dockerfile at its top."),
        Rule("exposed-port", "must", "The Dockerfile exposes the port that it serves on, as its first one."),
        Rule("user", "must", "The application does not run as root."),
        Rule("exec-form", "must", "The command is a list, so that SIGTERM reaches the application."),
        Rule("secret-in-image", "must", "No secret is in the Dockerfile or in the bundle."),
        Rule("health-check", "should", "The image says how its health is asked."),
        Rule("pinned-base", "should", "The base image is pinned by its digest."),
        Rule("volume", "must", "Nothing is kept on the instance's disk."),
        Rule("bundle-files", "should", "The bundle brings the files that Beanstalk configures instances by."),
        Rule("starts", "must", "It listens on the port that it was given, within a minute."),
        Rule("health", "must", "GET /healthz answers 200 within 5 seconds, whatever the host is called."),
        Rule("health-without-database", "must", "GET /healthz answers 200 while the database does not."),
        Rule(
            "survives-database",
            "must",
            "A page that needs the database fails by itself: the process goes on.",
        ),
        Rule("behind-tls", "must", "What came by HTTPS is not sent to HTTPS once more."),
        Rule("headers", "should", "Answers name no version of what made them, and forbid guessing of types."),
        Rule("cookies", "must", "Cookies are Secure and HttpOnly."),
        Rule("tells-no-secret", "must", "No secret is in an answer or in the log."),
        Rule("logs", "should", "It says on standard output what it does."),
        Rule("read-only", "must", "It writes nowhere but in /tmp."),
        Rule("stops", "must", "It ends by itself within 10 seconds after SIGTERM."),
    )
}


def found(rule: str, sentence: str) -> Finding:
    return Finding(RULES[rule], sentence)
