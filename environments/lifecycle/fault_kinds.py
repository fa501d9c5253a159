"""The kinds of faults that the page offers, with their fields: words for people over the sandbox's control API."""

from dataclasses import dataclass

SERVICES = (
    ("cloudformation", "CloudFormation"),
    ("elasticbeanstalk", "Elastic Beanstalk"),
    ("rds", "RDS"),
    ("s3", "S3"),
    ("ec2", "EC2"),
    ("elbv2", "Elastic Load Balancing"),
    ("route53", "Route 53"),
    ("secretsmanager", "Secrets Manager"),
    ("kms", "KMS"),
    ("dynamodb", "DynamoDB"),
    ("cognito-idp", "Cognito"),
    ("ecr", "ECR"),
    ("codebuild", "CodeBuild"),
    ("cloudwatch", "CloudWatch"),
    ("iam", "IAM"),
    ("sts", "STS"),
    ("ssm", "Systems Manager"),
    ("sqs", "SQS"),
    ("events", "EventBridge"),
)
LAGGING = tuple(
    row for row in SERVICES if row[0] in ("rds", "s3", "dynamodb", "secretsmanager", "ecr", "cognito-idp")
)
HEALTHY = tuple(row for row in SERVICES if row[0] in ("elasticbeanstalk", "elbv2", "route53"))
ACTIONS = (("create", "creating"), ("update", "updating"), ("delete", "deleting"))


@dataclass(frozen=True)
class Field:
    """One input. choices: what may be picked (none: typed freely); any: what an empty choice means.

    several: more than one of the choices may be picked.
    """

    name: str
    label: str
    choices: tuple[tuple[str, str], ...] = ()
    any: str = ""
    several: bool = False
    help: str = ""
    placeholder: str = ""
    required: bool = False
    is_number: bool = False
    is_whole: bool = False
    least: float = 0


@dataclass(frozen=True)
class Kind:
    """One kind. one_of: of these fields at least one has to say something. is_global: it knows no regions."""

    label: str
    about: str
    icon: str
    fields: tuple[Field, ...]
    one_of: tuple[str, ...] = ()
    is_global: bool = False

    def all_fields(self) -> tuple[Field, ...]:
        return (*(PLACE[:1] if self.is_global else PLACE), *self.fields, *SCHEDULE)


PLACE = (
    Field("account", "Account", any="every account"),
    Field("region", "Region", any="every region"),
)
SCHEDULE = (
    Field("after_s", "Begins in, seconds", is_number=True, placeholder="0", help="By the sandbox's clock."),
    Field("for_s", "Lasts, seconds", is_number=True, placeholder="until it is ended"),
)
COUNT = Field(
    "count",
    "Times",
    is_number=True,
    is_whole=True,
    least=1,
    placeholder="always",
    help="Then it ends by itself.",
)
SERVICE = Field("service", "Service", choices=SERVICES, any="every service", several=True)
OPERATION = Field("operation", "Operation", placeholder="CreateStack", help="Empty: every one.")
TYPE = "AWS::RDS::DBCluster"

KINDS: dict[str, Kind] = {
    "dark": Kind("Dark", "A region, or one service of it, cannot be reached.", "dark_mode", (
        SERVICE,
        OPERATION,
        Field("mode", "Calls are", choices=(("refuse", "refused (503)"), ("hang", "never answered")), any="refused"),
        COUNT,
    )),
    "throttle": Kind("Throttling", "Calls above a rate are refused.", "speed", (
        SERVICE,
        OPERATION,
        Field("rate", "Calls per second", is_number=True, placeholder="0", help="Nothing passes at 0."),
        Field("burst", "At once", is_number=True, least=1, placeholder="as many as in a second",
              help="So many pass after a pause."),
        COUNT,
    )),
    "error": Kind("Errors", "Calls are answered with an error.", "error", (
        SERVICE,
        OPERATION,
        Field("code", "Code", placeholder="InternalFailure"),
        Field("message", "Message"),
        Field("status", "HTTP status", is_number=True, is_whole=True, least=400, placeholder="500"),
        COUNT,
    )),
    "deny": Kind("Denied", "Calls are answered with AccessDenied.", "block", (
        SERVICE, OPERATION, COUNT,
    )),
    "timeout-after-success": Kind("Lost answers", "Calls are carried out and never answered.", "timer_off", (
        SERVICE, OPERATION, COUNT,
    )),
    "failing-type": Kind("Failing type", "CloudFormation cannot create, update or delete a type.", "report", (
        Field("type", "Type", placeholder=TYPE, required=True),
        Field("action", "When", choices=ACTIONS, any="creating"),
        Field("message", "It says", placeholder="No capacity."),
        COUNT,
    )),
    "slow": Kind("Slow stacks", "Resources take longer.", "hourglass_top", (
        Field("stack", "Stack", placeholder="sw-shop-*", help="Empty: of every stack."),
        Field("type", "Type", placeholder=TYPE, help="Empty: of every type."),
        Field("action", "When", choices=ACTIONS, any="always"),
        Field("factor", "Times as long", is_number=True, placeholder="1"),
        Field("seconds", "Seconds more", is_number=True, placeholder="0"),
        COUNT,
    ), one_of=("factor", "seconds")),
    "frozen-health": Kind("Frozen health", "Health states stay what they are when it begins.", "ac_unit", (
        Field("service", "Service", choices=HEALTHY, any="Beanstalk, load balancing and Route 53",
              several=True),
    )),
    "lag": Kind("Lag", "Copies in other regions arrive late.", "sync_problem", (
        Field("service", "Service", choices=LAGGING, any="every service that copies", several=True),
        Field("seconds", "Seconds behind", is_number=True, placeholder="0"),
        Field("growth", "Grows by, seconds per second", is_number=True, placeholder="0",
              help="At 1 nothing arrives any more."),
        Field("most_s", "Seconds behind at most", is_number=True, placeholder="no limit"),
    ), one_of=("seconds", "growth")),
    "iam-lag": Kind("IAM lag", "Changes of roles, users and policies take effect after a while.", "schedule", (
        Field("seconds", "Seconds behind", is_number=True, placeholder="10", required=True),
    ), is_global=True),
}  # fmt: skip
