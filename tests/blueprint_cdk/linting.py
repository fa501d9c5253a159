"""cfn-lint over templates: its rules are loaded once a run, and equal templates linted once."""

from __future__ import annotations

import functools

from cfnlint.config import ConfigMixIn, ManualArgs
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
"""Where every template must be clean. A schema that regions share is asked once."""


@functools.cache
def lint(template: str, *ignored: str) -> tuple[str, ...]:
    """What cfn-lint finds in a template's text, errors and warnings alike, but for the rules that are ignored."""
    body, unreadable = decode_str(template)
    return tuple(str(match) for match in unreadable or _runner(ignored).validate_template(body))


@functools.cache
def _runner(ignored: tuple[str, ...]) -> Runner:
    """One for many templates, as for the many files of a command line: loading the rules takes longer than most
    templates do.
    """
    return Runner(ConfigMixIn(**ManualArgs(regions=list(REGIONS), ignore_checks=list(ignored))))
