"""Where iam-simulate is wrong about AWS, by AWS's own documentation. The test wants each of them to be needed.

user guide: https://docs.aws.amazon.com/IAM/latest/UserGuide/
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.sandbox.iam.cases import OWN, SESSION, Case


@dataclass(frozen=True)
class Difference:
    """of: the cases that it is about; ours, theirs: the decisions there (ours: AWS's)."""

    why: str
    source: str
    of: Callable[[Case], bool]
    ours: str
    theirs: str


def _session_policy_is_all_that_lacks(case: Case) -> bool:
    """A policy of the same account gives it to the session itself, and the session policy does not speak of it."""
    if case.principal != SESSION or case.owner != OWN or case.session is None or case.resource_policy is None:
        return False
    granted = case.name.endswith(("resource everybody", "resource everybody in AWS", "resource the session"))
    silent = (
        "session none" in case.name and "identity deny" not in case.name and "boundary deny" not in case.name
    )
    return granted and silent


def _slash_in_a_variable_of_the_first_part(case: Case) -> bool:
    """A tag's variable (its name has a slash) in a resource that has no slash itself, where AWS's answer is a match."""
    told = case.name.startswith
    tag = case.keys.get("aws:PrincipalTag/queue")
    plain = told(("Resource: variable, ", "NotResource: variable, ")) and tag == "jobs"
    default = told(("Resource: variable with", "NotResource: variable with")) and tag in (None, "jobs")
    beside = told(("Resource: wildcard beside", "NotResource: wildcard beside")) and tag in ("jo", "jobs")
    return plain or default or beside


DIFFERENCES = (
    Difference(
        "What a policy of the account gives to everybody or to the session itself is not narrowed by a session policy.",
        "user guide, reference_policies_evaluation-logic_policy-eval-denyallow.html: permissions granted directly to a "
        "session are not limited by an implicit deny in an identity-based policy, a boundary or a session policy",
        _session_policy_is_all_that_lacks,
        "allow",
        "none",
    ),
    Difference(
        "A variable that has no value equals nothing, so that StringNotEquals matches.",
        "user guide, reference_policies_variables.html#policy-vars-no-value: inverted condition operators like "
        "StringNotEquals do match against a null value",
        lambda case: (
            case.name.startswith("denied unless aws:") and case.name.endswith((": red, None", ": blue, None"))
        ),
        "deny",
        "allow",
    ),
    Difference(
        "A variable may stand anywhere after the fifth colon; iam-simulate takes the slash of its name for the ARN's.",
        "user guide, reference_policies_variables.html#policy-vars-wheretouse",
        lambda case: case.name.startswith("Resource") and _slash_in_a_variable_of_the_first_part(case),
        "allow",
        "none",
    ),
    Difference(
        "The same in NotResource.",
        "user guide, reference_policies_variables.html#policy-vars-wheretouse",
        lambda case: case.name.startswith("NotResource") and _slash_in_a_variable_of_the_first_part(case),
        "none",
        "allow",
    ),
    Difference(
        "In a policy of an older Version a variable is plain text, which its value does not equal.",
        "user guide, reference_policies_elements_version.html: variables such as ${aws:username} aren't recognized as "
        "variables and are instead treated as literal strings",
        lambda case: case.name == "a Version without variables: anna",
        "none",
        "allow",
    ),
    Difference(
        "In a policy of an older Version a variable is plain text, which the same text equals.",
        "user guide, reference_policies_elements_version.html, as above",
        lambda case: case.name == "a Version without variables: ${aws:username}",
        "allow",
        "none",
    ),
    Difference(
        "Epoch times are in seconds; iam-simulate compares them with the milliseconds of a date.",
        "user guide, reference_policies_condition-keys.html#condition-keys-epochtime (date operators) and "
        "reference_policies_elements_condition_operators.html#Conditions_Date (ISO 8601 or epoch time)",
        lambda case: case.name == "an epoch time beside a date: 1893456000",
        "allow",
        "none",
    ),
)
