"""Clients of AWS with the rights of the instance's role, and their refusals as sentences.

The library is imported on first use: the process serves `/healthz` before it knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

TIMEOUT_S = 5


class Unavailable(Exception):
    """A dependency does not answer, or refuses; the text says which and why."""


def client(service: str, environment: Mapping[str, str], *, read_timeout_s: int = TIMEOUT_S) -> Any:
    """A boto3 client in the environment's region that gives up soon."""
    import boto3
    from botocore.config import Config

    limits = Config(connect_timeout=TIMEOUT_S, read_timeout=read_timeout_s, retries={"total_max_attempts": 2})
    session: Any = boto3.Session(region_name=environment.get("AWS_REGION"))
    return session.client(service, config=limits)


def asked(what: str, call: Callable[[], Any]) -> Any:
    """What the call answers. Raises Unavailable where AWS refuses or does not answer."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except (BotoCoreError, ClientError) as problem:
        raise Unavailable(f"{what}: {sentence(problem)}") from problem


def sentence(problem: BaseException) -> str:
    """A MySQL error's arguments are (code, sentence)."""
    return str(problem.args[1] if len(problem.args) == 2 else problem)
