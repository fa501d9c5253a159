"""The app "baseline": what exists once per account and region. First pieces: the way events reach the portal."""

from __future__ import annotations

import aws_cdk as cdk

from blueprint_cdk.baseline.events import EventsStack
from blueprint_cdk.spec import BaselineSpec


def compose(app: cdk.App, spec: BaselineSpec, *, release: str) -> None:
    """Adds the baseline's stack for one account and region to `app`."""
    EventsStack(app, spec)
    cdk.Tags.of(app).add("switchyard:baseline", "events")
    cdk.Tags.of(app).add("switchyard:release", release)
