"""What IAM refuses in a policy document before it keeps it: MalformedPolicyDocument, in its sentences.

Source: IAM user guide, "Grammar of the IAM JSON policy language"; the sentences and their order are those that moto's
`iam/policy_validation.py` has from AWS.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.errors import AwsError
from sandbox.iam import conditions
from sandbox.iam.policy import CURRENT, Document, listed

VERSIONS = ("2008-10-17", CURRENT)
_TOP = {"Version", "Id", "Statement"}
_ELEMENTS = {
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "NotPrincipal",
    "Condition",
}
_PARTITIONS = {
    "*",
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-eusc",
}
_WITHOUT_REGION = {
    "iam": "IAM resource {} cannot contain region information.",
    "s3": "Resource {} can not contain region information.",
}
_IAM_PATHS = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
SYNTAX = "Syntax errors in policy."


def malformed(text: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", text, 400)


def check_policy(document: Any) -> Document:
    """An identity policy as a dict. Raises MalformedPolicyDocument."""
    policy, statements = _parsed(document)
    for statement in statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
        _check_actions(statement)
    for statement in statements:
        names = [str(r) for key in ("Resource", "NotResource") for r in listed(statement.get(key))]
        if not names:
            raise malformed("Policy statement must contain resources.")
        for resource in names:
            _check_resource(resource)
    return policy


def check_trust(document: Any) -> Document:
    """A role's trust policy as a dict. Raises MalformedPolicyDocument."""
    policy, statements = _parsed(document)
    for statement in statements:
        _check_actions(statement)
        if any(not _of_trust(str(action)) for action in listed(statement.get("Action"))):
            raise malformed(
                "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  and "
                "sts:AssumeRoleWithWebIdentity"
            )
        if "Resource" in statement or "NotResource" in statement:
            raise malformed("Has prohibited field Resource.")
        if not ("Principal" in statement or "NotPrincipal" in statement):
            raise malformed("Missing required field Principal.")
    return policy


def _of_trust(action: str) -> bool:
    return action == "*" or action.lower().startswith("sts:")


def _parsed(document: Any) -> tuple[Document, list[Document]]:
    """The document and its statements, with what every kind of policy must have."""
    try:
        policy = json.loads(document) if isinstance(document, str) else document
    except ValueError as problem:
        raise malformed(SYNTAX) from problem
    if not isinstance(policy, dict) or set(policy) - _TOP or not policy.get("Statement"):
        raise malformed(SYNTAX)
    if policy.get("Version", VERSIONS[0]) not in VERSIONS:
        raise malformed(SYNTAX)
    statements = listed(policy["Statement"])
    for statement in statements:
        _check_elements(statement)
    sids = [s["Sid"] for s in statements if s.get("Sid")]
    if len(sids) != len(set(sids)):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")
    return policy, statements


def _check_elements(statement: Any) -> None:
    if not isinstance(statement, dict) or set(statement) - _ELEMENTS:
        raise malformed(SYNTAX)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise malformed(SYNTAX)
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in statement and other in statement:
            raise malformed(SYNTAX)
    for key in ("Action", "NotAction", "Resource", "NotResource"):
        if not all(isinstance(value, str) for value in listed(statement.get(key))):
            raise malformed(SYNTAX)
    tests = statement.get("Condition", {})
    if not isinstance(tests, dict):
        raise malformed(SYNTAX)
    for operator, keys in tests.items():
        if not isinstance(keys, dict) or not (conditions.known(operator) or not keys):
            raise malformed(SYNTAX)


def _check_actions(statement: Document) -> None:
    names = [str(a) for key in ("Action", "NotAction") for a in listed(statement.get(key))]
    if not names:
        raise malformed("Policy statement must contain actions.")
    for action in names:
        vendor, colon, rest = action.partition(":")
        if not colon and action != "*":
            raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if ":" in rest:
            raise malformed("Actions/Condition can contain only one colon.")
        if vendor != "*" and re.search(r"[^a-zA-Z0-9\-.]", vendor):
            raise malformed(f"Vendor {vendor} is not valid")


def _check_resource(resource: str) -> None:
    if resource == "*":
        return
    head, *rest = resource.split(":", 5)
    if head != "arn" or not rest:
        raise malformed(f'Resource {resource} must be in ARN format or "*".')
    partition, *rest = rest
    if partition not in _PARTITIONS:
        parts = [*rest, *["*"] * (4 - len(rest))]
        text = f'Partition "{partition}" is not valid for resource "arn:{partition}:{":".join(parts)}".'
        raise malformed(text)
    service, region, _, path = [*rest, *[""] * (4 - len(rest))]
    if not service or (not rest[1:] and "*" not in service):
        raise malformed("Resource vendor must be fully qualified and cannot contain regexes.")
    if service in _WITHOUT_REGION and region and not path.startswith(("accesspoint/", "job/")):
        raise malformed(_WITHOUT_REGION[service].format(resource))
    # A wildcard or a variable may stand for the kind.
    told = not re.search(r"[*$?]", path.partition("/")[0])
    if service == "iam" and len(rest) == 4 and told and not path.startswith(_IAM_PATHS):
        values = ", ".join(_IAM_PATHS)
        raise malformed(f'IAM resource path must either be "*" or start with {values}.')
