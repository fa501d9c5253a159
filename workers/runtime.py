"""What moves while an environment runs: read back before a synthesis, so that a new template carries what runs now, and
looked at once more just before it is carried out. Why: docs/decisions/0309-what-moves-at-run-time.md.
"""

from dataclasses import dataclass
from typing import Any

from environments.lifecycle.models import Application, Environment, Release
from environments.lifecycle.runtime import environment_runtime_record
from environments.lifecycle.stacks import NO_STANDBY, regions_of
from environments.operations.models import Operation
from workers.aws import beanstalk, elbv2, rds
from workers.aws.session import Session
from workers.context import READER, StepContext
from workers.workflow import Done, Outcome, StepFailed, Wait

APPLICATION, DATABASE = "AWS::ElasticBeanstalk::Environment", "AWS::RDS::DBCluster"
GLOBAL = "AWS::RDS::GlobalCluster"
OF_APPLICATION = ("version_label", "platform_arn", "min_instances", "max_instances", "maintenance")
OF_DATABASE = ("aurora_mysql_version", "db_min_acu", "db_max_acu")
CAPACITY = ("min_instances", "max_instances", "db_min_acu", "db_max_acu")
RESIZES = "resizes"
"""In the operation's state: the capacity in `runtime` is what is wanted, and not what runs."""
MOVING_CLUSTER = frozenset({"modifying", "upgrading"})
WORDS = {
    "version_label": "application version",
    "platform_arn": "platform",
    "maintenance": "maintenance page",
    "min_instances": "fewest instances",
    "max_instances": "most instances",
    "aurora_mysql_version": "database version",
    "db_min_acu": "least capacity units",
    "db_max_acu": "most capacity units",
}


@dataclass(frozen=True)
class Live:
    """What runs: `facts` as the blueprint's Runtime takes them (nothing for the placeholder), and in words what is on
    its way to something else; empty when all is at rest."""

    facts: dict[str, Any]
    moving: str = ""


def runtime(ctx: StepContext) -> Outcome:
    """Before a synthesis: what runs now. A deployment or an upgrade that is under way is waited for."""
    environment: Environment = ctx.subject
    live = live_read(ctx.session(environment.account, environment.home_region, READER), environment)
    if live.moving:
        return Wait(live.moving)
    other = _other_read(ctx, environment)
    if other is not None and other.moving:
        return Wait(f"In {environment.other_region}: {other.moving}")
    with ctx.fenced():
        environment_runtime_record(
            environment=environment, facts=live.facts, other=None if other is None else other.facts
        )
    spec = ctx.operation.parameters["spec"]
    is_same_size = spec["size"] == environment.size
    told = _wanted(live.facts, is_same_size)
    if "global_database" in _told_of(release_wanted(ctx.operation, environment)):
        told["global_database"] = is_in_global(environment)
    if other is not None and other.facts:
        is_away = environment.active_region == environment.other_region
        is_same = is_same_size and (is_away or spec["standby"] == environment.standby)
        told["other"] = _wanted(other.facts, is_same)
        if is_away and not is_same_size:
            home, there = _capacity_away(release_wanted(ctx.operation, environment), spec)
            told = told | home | {"other": told["other"] | there}
    return Done(sentence_of(live.facts), {"runtime": told, RESIZES: not is_same_size})


def is_in_global(environment: Environment) -> bool:
    """Whether a global database of its stacks is there, as last seen."""
    rows = environment.resources().filter(type=GLOBAL).exclude(physical_id="")
    return bool(rows.exclude(status__in=["DELETE_COMPLETE", "DELETE_SKIPPED"]).exists())


def _wanted(facts: dict[str, Any], keeps_capacity: bool) -> dict[str, Any]:
    """Where another size, or kind of standby, is asked for, its capacity is what is wanted, and the plan tells it."""
    return {name: value for name, value in facts.items() if keeps_capacity or name not in CAPACITY}


def _capacity_away(release: Release, spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Instances of another size while the other region is active, (at home, there): templates know no active region,
    so they would give home the size and let the side that works stand by.
    """
    size = release.description["sizes"][spec["size"]]
    whole = {name: size[name] for name in ("min_instances", "max_instances")}
    return {**whole, "min_instances": 1 if spec["standby"] == "warm" else 0}, whole


def _other_read(ctx: StepContext, environment: Environment) -> Live | None:
    """What runs in the other region, when a standby is there, stays, and the release is told of it."""
    release = release_wanted(ctx.operation, environment)
    knows = "other" in release.description.get("runtime_schema", {}).get("properties", {})
    stays = regions_of(ctx.operation.parameters["spec"]) == regions_of(environment.spec)
    if not (knows and stays and environment.standby != NO_STANDBY):
        return None
    session = ctx.session(environment.account, environment.spec["other_region"], READER)
    return live_read(session, environment)


def release_wanted(operation: Operation, subject: Environment | Application) -> Release:
    """The release that the operation brings its environment or application to."""
    wanted = operation.parameters.get("release_id", subject.release_id)
    return subject.release if wanted == subject.release_id else Release.objects.get(pk=wanted)


def sentence_of(facts: dict[str, Any]) -> str:
    """What runs, for people."""
    version = facts.get("version_label") or "the placeholder"
    platform = str(facts.get("platform_arn", "")).rpartition("/")[2] or "unknown"
    page = " The maintenance page is on." if facts.get("maintenance") else ""
    return (
        f"Version {version} on platform {platform}, {facts.get('min_instances', '?')} to "
        f"{facts.get('max_instances', '?')} instances, database {facts.get('aurora_mysql_version', 'unknown')}.{page}"
    )


def began(operation: Operation, release: Release) -> dict[str, Any]:
    """What an environment begins with: the placeholder, its region's facts and what its size says."""
    spec = operation.parameters["spec"]
    facts = operation.state["facts"][spec["home_region"]]
    size = release.description.get("sizes", {}).get(spec["size"], {})
    if spec.get("other_region"):
        size = {**size, **size.get("with_other_region", {})}
    return {
        "platform_arn": facts.get("beanstalk_platform_arn"),
        "aurora_mysql_version": facts.get("aurora_mysql_version"),
        **{name: size.get(name) for name in CAPACITY},
        # A release from before the page was there knows nothing of it.
        **({"maintenance": False} if "maintenance" in _told_of(release) else {}),
    }


def began_other(operation: Operation, release: Release) -> dict[str, Any]:
    """The same of a standby: the facts of its region, and one instance or none. Empty where the spec has none."""
    spec = operation.parameters["spec"]
    facts = operation.state["facts"].get(spec.get("other_region") or "")
    if facts is None:
        return {}
    return {
        **began(operation, release),
        "platform_arn": facts.get("beanstalk_platform_arn"),
        "aurora_mysql_version": facts.get("aurora_mysql_version"),
        "min_instances": 1 if spec.get("standby") == "warm" else 0,
    }


def _told_of(release: Release) -> dict[str, Any]:
    """What a release is told of what runs, by name."""
    properties: dict[str, Any] = release.description.get("runtime_schema", {}).get("properties", {})
    return properties


def live_read(session: Session, environment: Environment) -> Live:
    """Application and database as they are; no facts of what is not there. Five calls, six where a version was
    deployed."""
    application, application_moves = application_read(session, environment)
    database, database_moves = database_read(session, environment)
    return Live({**application, **database}, application_moves or database_moves)


def application_read(session: Session, environment: Environment) -> tuple[dict[str, Any], str]:
    """(facts, what moves) of the Beanstalk environment."""
    found = beanstalk.environment_find(session, name_of(environment, "BeanstalkEnvironment", session.region))
    if found is None:
        return {}, ""
    if found["status"] != "Ready":
        return {}, f"The application is changed by somebody just now: Beanstalk says {found['status']}."
    sizes = beanstalk.capacity(session, found["application"], found["name"])
    facts = {"platform_arn": found["platform_arn"], **sizes}
    label = found["version_label"]
    if label and not beanstalk.version_is_ours(session, found["application"], label):
        facts["version_label"] = label
    rule = output_of(environment, "MaintenanceRule", session.region)
    if rule:
        facts["maintenance"] = elbv2.maintenance_is_on(session, rule)
    return facts, ""


def database_read(session: Session, environment: Environment) -> tuple[dict[str, Any], str]:
    """(facts, what moves) of the Aurora cluster."""
    found = rds.cluster_find(session, name_of(environment, "DatabaseClusterId", session.region))
    if found is None:
        return {}, ""
    if found["Status"] in MOVING_CLUSTER:
        return {}, f"The database is changed by somebody just now: it is {found['Status']}."
    facts: dict[str, Any] = {"aurora_mysql_version": found["EngineVersion"]}
    units = found.get("ServerlessV2ScalingConfiguration")
    if units:
        facts |= {"db_min_acu": units["MinCapacity"], "db_max_acu": units["MaxCapacity"]}
    return facts, ""


def name_of(environment: Environment, output: str, region: str) -> str:
    """A physical name: as a stack of that region told it in its outputs, else by the naming rules."""
    return output_of(environment, output, region) or f"sy-{environment.full_name}"


def output_of(environment: Environment, output: str, region: str) -> str:
    """What a stack of that region told in its outputs; empty where none did."""
    is_home = region == environment.home_region
    name = output if is_home else f"Other{output}"
    for outputs in environment.stacks.filter(region=region).values_list("outputs", flat=True):
        if outputs.get(name):
            return str(outputs[name])
    return ""


def synthesis_inputs(
    release: Release, spec: dict[str, Any], facts: dict[str, Any], runtime: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(facts, runtime) as the release takes them. A release from before 1.8.0 knows no runtime: platform and database
    version go as facts of the region, and what it could only put back is refused. Raises StepFailed.
    """
    if not runtime or "runtime_schema" in release.description:
        return facts, runtime
    names = {"platform_arn": "beanstalk_platform_arn", "aurora_mysql_version": "aurora_mysql_version"}
    live = {theirs: runtime[ours] for ours, theirs in names.items() if ours in runtime}
    size = release.description.get("sizes", {}).get(spec["size"], {})
    lost = [
        WORDS[name]
        for name, began in {"version_label": None, **{name: size.get(name) for name in CAPACITY}}.items()
        if runtime.get(name) is not None and runtime[name] != began
    ]
    if lost:
        raise StepFailed(
            f"Release {release.version} would put back what runs: {', '.join(lost)}.",
            reason="release without runtime facts",
            remedy="Choose release 1.8.0 or a later one.",
        )
    return {region: {**row, **live} for region, row in facts.items()}, {}


def require_unmoved(ctx: StepContext, types: set[str], region: str) -> None:
    """Just before a stack of a region that holds resources of `types` is changed: what runs there is still what the
    plan was made with, so that a switchover since is not undone. Raises StepFailed; answers nothing when it is, or when
    the stack holds neither application nor database.
    """
    environment: Environment = ctx.subject
    told = ctx.operation.state.get("runtime")
    planned = told if told is None or region == environment.home_region else told.get("other")
    if planned is None:
        return
    session = ctx.session(environment.account, region)
    where = "" if region == environment.home_region else f" in {region}"
    for type_name, names, read in (
        (APPLICATION, OF_APPLICATION, application_read),
        (DATABASE, OF_DATABASE, database_read),
    ):
        if type_name not in types:
            continue
        now, moves = read(session, environment)
        is_set = ctx.operation.state.get(RESIZES, False)
        given = [name for name in names if name not in CAPACITY or (name in planned and not is_set)]
        moved = [name for name in given if now and now.get(name) != planned.get(name)]
        if moves or moved:
            raise StepFailed(
                moves
                or f"Since the plan was made, these have moved{where}: "
                f"{', '.join(f'{WORDS[n]} {_shown(planned.get(n))} → {_shown(now.get(n))}' for n in moved)}.",
                resource=environment.full_name,
                reason="what runs has moved",
                remedy="Plan it again: the new plan keeps what runs now.",
                moved=True,
            )


def _shown(value: Any) -> str:
    return "the placeholder" if value is None else str(value).rpartition("platform/")[2]
