"""The decisions that the sandbox and iam-simulate are asked for: a table by hand, and matrices.

A case says what differs from the plain one: a user of the account sends a message to a queue of the account.
"""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

OWN, OTHER = "111122223333", "444455556666"
USER = f"arn:aws:iam::{OWN}:user/anna"
ROLE = f"arn:aws:iam::{OWN}:role/deployer"
SESSION = f"arn:aws:sts::{OWN}:assumed-role/deployer/operation-7"
QUEUE = f"arn:aws:sqs:eu-west-1:{OWN}:jobs"
KEY = f"arn:aws:kms:eu-west-1:{OWN}:key/0a1b"
OBJECT = "arn:aws:s3:::uploads/team-a/photo.jpg"
Document = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One question. principal: the user's, or a session's ARN; owner: the account of the resource."""

    name: str
    identity: tuple[Document, ...] = ()
    boundary: Document | None = None
    session: Document | None = None
    resource_policy: Document | None = None
    keys: dict[str, Any] = field(default_factory=dict)
    action: str = "sqs:SendMessage"
    resource: str = QUEUE
    owner: str = OWN
    principal: str = USER

    def asked(self) -> dict[str, Any]:
        return asdict(self)


def says(effect: str, action: Any = "*", resource: Any = "*", **more: Any) -> Document:
    """A document of one statement; more: its other elements, a Condition or Principal among them."""
    elements = {"Effect": effect, "Action": action, "Resource": resource, **more}
    statement = {name: value for name, value in elements.items() if value is not None}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> Document:
    return says("Allow", action, resource, **more)


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> Document:
    return says("Deny", action, resource, **more)


def when(operator: str, key: str, value: Any) -> Document:
    """Everything is allowed on one condition."""
    return allow(Condition={operator: {key: value}})


def trusting(principal: Any, effect: str = "Allow", **more: Any) -> Document:
    """A resource's policy for a principal."""
    return says(effect, "*", "*", Principal=principal, **more)


def elements() -> Iterator[Case]:
    """Actions, resources and variables."""
    for name, action in {
        "action": "sqs:SendMessage",
        "other case": "SQS:sendMESSAGE",
        "wildcard at the end": "sqs:Send*",
        "wildcard in the middle": "sqs:*Mess?ge",
        "question mark is one character": "sqs:SendMessage?",
        "other service": "sns:SendMessage",
        "list": ["sqs:DeleteMessage", "sqs:SendMessage"],
        "other action": "sqs:DeleteMessage",
    }.items():
        yield Case(f"Action: {name}", (allow(action),))
        yield Case(f"NotAction: {name}", (allow(None, NotAction=action),))
        yield Case(f"Deny NotAction: {name}", (allow(), deny(None, NotAction=action)))
    for name, resource in {
        "itself": QUEUE,
        "any region": f"arn:aws:sqs:*:{OWN}:jobs",
        "any account": "arn:aws:sqs:eu-west-1:*:jobs",
        "wildcard in the middle": f"arn:aws:sqs:eu-*-1:{OWN}:j*s",
        "question mark": f"arn:aws:sqs:eu-west-?:{OWN}:job?",
        "other case": f"arn:aws:sqs:eu-west-1:{OWN}:JOBS",
        "other account": f"arn:aws:sqs:eu-west-1:{OTHER}:jobs",
        "other name": f"arn:aws:sqs:eu-west-1:{OWN}:job",
        "all": "*",
        "list": [f"arn:aws:sqs:eu-west-1:{OWN}:other", QUEUE],
        "variable": f"arn:aws:sqs:eu-west-1:{OWN}:${{aws:PrincipalTag/queue}}",
        "variable with a default": f"arn:aws:sqs:eu-west-1:{OWN}:${{aws:PrincipalTag/queue, 'jobs'}}",
        "wildcard beside a variable": f"arn:aws:sqs:eu-west-1:{OWN}:${{aws:PrincipalTag/queue}}*",
    }.items():
        for tag in (None, "jobs", "jo", "*"):
            keys = {} if tag is None else {"aws:PrincipalTag/queue": tag}
            yield Case(f"Resource: {name}, tag {tag}", (allow("*", resource),), keys=keys)
            yield Case(
                f"NotResource: {name}, tag {tag}", (allow("*", None, NotResource=resource),), keys=keys
            )
    objects = {"action": "s3:GetObject", "resource": OBJECT}
    for path in (
        "uploads/*",
        "uploads/*/photo.jpg",
        "uploads/team-?/*",
        "uploads",
        "*",
        "up*.jpg",
        "uploads/team-b/*",
    ):
        yield Case(f"object: {path}", (allow("s3:Get*", f"arn:aws:s3:::{path}"),), **objects)
    for name, text in {
        "username": "uploads/${aws:username}/*",
        "literal star": "uploads/${*}/photo.jpg",
        "literal question mark": "uploads/team-${?}/photo.jpg",
        "literal dollar": "uploads/${$}/photo.jpg",
        "two": "uploads/${aws:PrincipalTag/kind}-${aws:PrincipalTag/letter}/*",
    }.items():
        for keys in (
            {},
            {"aws:username": "team-a"},
            {"aws:PrincipalTag/kind": "team", "aws:PrincipalTag/letter": "a"},
        ):
            case = Case(
                f"object of {name}, {keys}", (allow("*", f"arn:aws:s3:::{text}"),), keys=keys, **objects
            )
            yield case


def meanings() -> Iterator[Case]:
    """What policies in use ask for: MFA, tags, source identity, token time."""
    for name in ("anna", "${aws:username}"):
        old = {**when("StringEquals", "aws:SourceIdentity", "${aws:username}"), "Version": "2008-10-17"}
        keys = {"aws:username": "anna", "aws:SourceIdentity": name}
        yield Case(f"a Version without variables: {name}", (old,), keys=keys)
    for moment in ("1767225600", "1893456000"):
        document = when("DateGreaterThan", "aws:EpochTime", "2028-01-01T00:00:00Z")
        yield Case(f"an epoch time beside a date: {moment}", (document,), keys={"aws:EpochTime": moment})
    mfa = "aws:MultiFactorAuthPresent"
    for keys in ({}, {mfa: "true"}, {mfa: "false"}, {mfa: "TRUE"}):
        yield Case(f"Bool: MFA wanted, {keys}", (when("Bool", mfa, "true"),), keys=keys)
        without = deny(Condition={"BoolIfExists": {mfa: "false"}})
        yield Case(f"BoolIfExists: denied without MFA, {keys}", (allow(), without), keys=keys)
        yield Case(
            f"Bool: denied without MFA, {keys}",
            (allow(), deny(Condition={"Bool": {mfa: "false"}})),
            keys=keys,
        )
        yield Case(f"Null: only without long-term keys, {keys}", (when("Null", mfa, "false"),), keys=keys)
    for age in (None, "10", "3600", "3601"):
        keys = {} if age is None else {"aws:MultiFactorAuthAge": age}
        for operator in (
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericLessThanIfExists",
            "NumericGreaterThan",
        ):
            yield Case(
                f"{operator}: MFA {age} s old", (when(operator, "aws:MultiFactorAuthAge", "3600"),), keys=keys
            )
    own = "${aws:PrincipalTag/team}"
    for mine, theirs in itertools.product((None, "red", "blue"), repeat=2):
        keys = {"aws:PrincipalTag/team": mine, "aws:ResourceTag/team": theirs, "aws:RequestTag/team": theirs}
        keys = {key: value for key, value in keys.items() if value is not None}
        for key in ("aws:ResourceTag/team", "aws:RequestTag/team"):
            for operator in ("StringEquals", "StringLike", "StringEqualsIfExists", "StringEqualsIgnoreCase"):
                yield Case(
                    f"{operator} {key} is {own}: {theirs}, {mine}", (when(operator, key, own),), keys=keys
                )
            told = deny(Condition={"StringNotEquals": {key: own}})
            yield Case(f"denied unless {key} is {own}: {theirs}, {mine}", (allow(), told), keys=keys)
    for given in (None, [], ["team"], ["team", "cost"], ["cost"], ["Team"]):
        keys = {} if given is None else {"aws:TagKeys": given}
        for quantifier in ("ForAllValues", "ForAnyValue"):
            for operator in ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotEquals"):
                document = when(f"{quantifier}:{operator}", "aws:TagKeys", ["team", "stage"])
                yield Case(f"{quantifier}:{operator} tag keys {given}", (document,), keys=keys)
    for who in (None, "anna", "ben"):
        keys = {} if who is None else {"aws:SourceIdentity": who}
        for operator in ("StringEquals", "StringLike", "StringNotEquals", "StringEqualsIfExists"):
            yield Case(
                f"{operator} source identity {who}",
                (when(operator, "aws:SourceIdentity", "an*a"),),
                keys=keys,
            )
            document = when(operator, "aws:SourceIdentity", ["anna", "cleo"])
            yield Case(f"{operator} source identity {who} of two", (document,), keys=keys)
    for issued in (None, "2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z"):
        keys = {} if issued is None else {"aws:TokenIssueTime": issued}
        old = deny(Condition={"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T00:00:00Z"}})
        yield Case(f"revoked sessions: token of {issued}", (allow(), old), keys=keys)
        yield Case(
            f"no long-term keys: token of {issued}", (when("Null", "aws:TokenIssueTime", "false"),), keys=keys
        )
        yield Case(
            f"long-term keys: token of {issued}", (when("Null", "aws:TokenIssueTime", "true"),), keys=keys
        )
    both = {"StringEquals": {"aws:RequestedRegion": "eu-west-1", "aws:username": "anna"}}
    several = {**both, "Bool": {"aws:SecureTransport": "true"}}
    everything = {"aws:RequestedRegion": "eu-west-1", "aws:username": "anna", "aws:SecureTransport": "true"}
    for missing in (None, *everything):
        keys = {key: value for key, value in everything.items() if key != missing}
        yield Case(f"all conditions have to hold, {missing} does not", (allow(Condition=several),), keys=keys)
    for name in ("AWS:USERNAME", "aws:userName"):
        yield Case(
            f"keys are in any case: {name}",
            (when("StringEquals", name, "anna"),),
            keys={"aws:username": "anna"},
        )


VALUES: dict[str, tuple[str, tuple[str, ...], tuple[Any, ...]]] = {
    "String": (
        "aws:PrincipalTag/team",
        ("red", "Red", "reddish", ""),
        ("red", ["red", "blue"], "re*", "r?d", "RED"),
    ),
    "Numeric": ("aws:MultiFactorAuthAge", ("9", "10", "11", "10.5"), ("10", ["10", "11"], "10.0")),
    "Date": (
        "aws:TokenIssueTime",
        ("2026-05-01T00:00:00Z", "2026-05-02T10:00:00Z", "2026-05-03"),
        ("2026-05-02T10:00:00Z", "2026-05-02", "2026-05-02T12:00:00+02:00", ["2026-05-01", "2026-05-03"]),
    ),
    "Bool": ("aws:SecureTransport", ("true", "false"), ("true", "false", ["true", "false"])),
    "Binary": ("aws:PrincipalTag/blob", ("QUJD", "QUJE"), ("QUJD", ["QUJD", "QUJE"])),
    "Ip": (
        "aws:SourceIp",
        ("10.1.2.3", "10.2.0.1", "2001:db8::1"),
        ("10.1.0.0/16", ["10.2.0.0/16", "10.1.2.0/24"], "2001:db8::/32"),
    ),
    "Arn": (
        "aws:SourceArn",
        ("arn:aws:s3:::uploads", f"arn:aws:iam::{OWN}:role/team/x", f"arn:aws:sns:eu-west-1:{OWN}:a:b"),
        (
            "arn:aws:s3:::up*",
            f"arn:aws:iam::{OWN}:role/*",
            "arn:aws:*:*:*:*",
            "arn:aws:s3:::upload?",
            "arn:*:a:b",
        ),
    ),
}
_ORDERS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_STRINGS = ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
OPERATORS: dict[str, tuple[str, ...]] = {
    "String": tuple(f"String{word}" for word in _STRINGS),
    "Numeric": tuple(f"Numeric{word}" for word in _ORDERS),
    "Date": tuple(f"Date{word}" for word in _ORDERS),
    "Bool": ("Bool",),
    "Binary": ("BinaryEquals",),
    "Ip": ("IpAddress", "NotIpAddress"),
    "Arn": ("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
}
MULTIVALUED = "aws:CalledVia"


def operators() -> Iterator[Case]:
    """Every operator, with and without IfExists and quantifiers, over values that fit, do not fit, and none."""
    for kind, (key, given, wanted) in VALUES.items():
        for operator, suffix, want in itertools.product(OPERATORS[kind], ("", "IfExists"), wanted):
            for have in (None, *(value for value in given if value)):
                keys = {} if have is None else {key: have}
                name = f"{operator}{suffix} {want}: {have}"
                yield Case(name, (when(f"{operator}{suffix}", key, want),), keys=keys)
        several = [value for value in given if value][:2]
        for operator, quantifier, suffix in itertools.product(
            OPERATORS[kind], ("", "ForAllValues:", "ForAnyValue:"), ("", "IfExists")
        ):
            for want, have in itertools.product(wanted[:2], (None, several[:1], several, several[1:], [])):
                keys = {} if have is None else {MULTIVALUED: have}
                document = when(f"{quantifier}{operator}{suffix}", MULTIVALUED, want)
                yield Case(f"{quantifier}{operator}{suffix} {want} of many: {have}", (document,), keys=keys)
    for want, have in itertools.product(("true", "false", ["true", "false"]), (None, "anna")):
        keys = {} if have is None else {"aws:SourceIdentity": have}
        yield Case(f"Null {want}: {have}", (when("Null", "aws:SourceIdentity", want),), keys=keys)


def layers() -> Iterator[Case]:
    """What identity policy, boundary, session policy and resource policy say together."""
    documents = {"allow": allow(), "none": allow("s3:*"), "deny": deny(), "absent": None}
    resources: dict[str, Document | None] = {
        "absent": None,
        "none": trusting({"AWS": f"arn:aws:iam::{OWN}:user/ben"}),
        "everybody": trusting("*"),
        "everybody in AWS": trusting({"AWS": "*"}),
        "the account": trusting({"AWS": OWN}),
        "the account's root": trusting({"AWS": f"arn:aws:iam::{OWN}:root"}),
        "the user": trusting({"AWS": [USER, f"arn:aws:iam::{OWN}:user/ben"]}),
        "the role": trusting({"AWS": ROLE}),
        "the session": trusting({"AWS": SESSION}),
        "another session": trusting({"AWS": SESSION.replace("operation-7", "operation-8")}),
        "a service": trusting({"Service": "events.amazonaws.com"}),
        "denies everybody": trusting("*", "Deny"),
        "denies the account": trusting({"AWS": OWN}, "Deny"),
        "denies the role": trusting({"AWS": ROLE}, "Deny"),
        "denies the user": trusting({"AWS": USER}, "Deny"),
        "denies all but these": trusting(
            None, "Deny", NotPrincipal={"AWS": [OWN, f"arn:aws:iam::{OWN}:root", USER, ROLE, SESSION]}
        ),
        "denies all but others": trusting(None, "Deny", NotPrincipal={"AWS": f"arn:aws:iam::{OTHER}:root"}),
        "everybody, on a condition": trusting(
            "*", Condition={"StringEquals": {"aws:SourceIdentity": "anna"}}
        ),
    }
    for (place, owner), (said, document) in itertools.product(
        {"own": OWN, "other": OTHER}.items(), resources.items()
    ):
        for service, action, resource in (
            ("queue", "sqs:SendMessage", QUEUE.replace(OWN, owner)),
            ("key", "kms:Decrypt", KEY.replace(OWN, owner)),
            ("trust", "sts:AssumeRole", f"arn:aws:iam::{owner}:role/target"),
        ):
            for who, identity, boundary, session in itertools.product(
                (USER, SESSION), ("allow", "none", "deny"), ("absent", "allow", "none", "deny"), documents
            ):
                if session != "absent" and (who == USER or service == "trust"):
                    continue
                if service != "queue" and "deny" in (boundary, session):
                    continue
                yield Case(
                    f"{place} {service}, {who.rpartition('/')[2]}: identity {identity}, boundary {boundary}, "
                    f"session {session}, resource {said}",
                    (documents[identity],),  # type: ignore[arg-type]
                    documents[boundary],
                    documents[session],
                    document,
                    action=action,
                    resource=resource,
                    owner=owner,
                    principal=who,
                )


def all_cases() -> list[Case]:
    return [*elements(), *meanings(), *operators(), *layers()]
