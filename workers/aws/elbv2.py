"""Elastic Load Balancing: the rule of the maintenance page."""

from workers.aws.session import Session

SERVICE = "elbv2"
OFF = "maintenance.invalid"
"""The host name that the rule matches while the page is off, as the blueprint has it."""


def maintenance_is_on(session: Session, rule: str) -> bool:
    """Whether the rule of that ARN matches a name that somebody asks for."""
    (found,) = session.client(SERVICE).describe_rules(RuleArns=[rule])["Rules"]
    names = [name for condition in found["Conditions"] for name in condition.get("Values", [])]
    return names != [OFF]
