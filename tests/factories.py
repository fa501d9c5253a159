"""One object at a time, with what it cannot be without; related ones are given, not guessed."""

import hashlib
import io
import itertools
import json
import zipfile
from copy import deepcopy
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone

from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.models import (
    Account,
    Application,
    ApprovalRule,
    Blueprint,
    DriftFinding,
    Environment,
    Plan,
    RegionFacts,
    Release,
    Revision,
    Risk,
    Version,
)
from environments.notifications.models import Channel, Delivery
from environments.operations.events import Draft, events_write
from environments.operations.kinds import kind_get
from environments.operations.models import Operation, Resource, Stack, Step
from environments.people.changes import digest_of
from environments.people.models import PortalRole, Proposal, Team, User

_numbers = itertools.count(1)

PASSWORD = "correct-horse-battery"
STACKS: list[dict[str, Any]] = [
    {
        "key": "network",
        "title": "Network",
        "region": "home",
        "needs": [],
        "stateful": False,
        "types": ["AWS::EC2::VPC"],
    },
    {
        "key": "keys",
        "title": "Keys and secrets",
        "region": "home",
        "needs": [],
        "stateful": True,
        "types": ["AWS::KMS::Key", "AWS::SecretsManager::Secret"],
    },
    {
        "key": "data",
        "title": "Database",
        "region": "home",
        "needs": ["network", "keys"],
        "stateful": True,
        "types": ["AWS::RDS::DBCluster", "AWS::RDS::DBProxy"],
    },
    {
        "key": "storage",
        "title": "Storage",
        "region": "home",
        "needs": ["keys"],
        "stateful": True,
        "types": ["AWS::S3::Bucket"],
    },
    {
        "key": "app",
        "title": "Application",
        "region": "home",
        "needs": ["network", "keys", "data", "storage"],
        "stateful": False,
        "types": [
            "AWS::WAFv2::WebACL",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "AWS::ElasticBeanstalk::Environment",
        ],
    },
]
NAMING = [
    {
        "key": "uploads-bucket",
        "label": "S3 bucket for uploads",
        "pattern": "sy-{name}-{suffix}-uploads-{account_id}-{home_region}",
        "max_length": 63,
        "charset": "^[a-z0-9.-]+$",
    },
    {
        "key": "load-balancer",
        "label": "Application Load Balancer",
        "pattern": "sy-{name}-{suffix}",
        "max_length": 32,
        "charset": "^[a-z0-9-]+$",
    },
]
COSTS = {
    "currency": "USD",
    "period": "month",
    "as_of": "2026-11-22",
    "region_factor": {"us-east-1": "1.00", "eu-west-1": "1.10"},
    "items": [
        {
            "key": "nat",
            "label": "NAT gateways",
            "types": ["AWS::EC2::NatGateway"],
            "quantity": {"small": 1, "medium": 2, "large": 3},
            "unit": "gateway",
            "unit_price": "32.85",
            "source": "list price",
            "verified": True,
            "when": None,
        },
        {
            "key": "database",
            "label": "Aurora instances",
            "types": ["AWS::RDS::DBInstance"],
            "quantity": {"small": 1, "medium": 2, "large": 3},
            "unit": "instance",
            "unit_price": "190.00",
            "source": "from memory, no source opened",
            "verified": False,
            "when": None,
        },
    ],
}
DELIVERY: dict[str, Any] = {
    "bundle": {".ebextensions/scaling.config": "Resources: {}\n"},
    "schema": {
        "type": "object",
        "properties": {
            "branch": {
                "type": "string",
                "pattern": "^[a-z]+$",
                "description": "Letters.",
                "changeable": True,
            },
            "blocks_from": {
                "enum": ["critical", "high", "medium"],
                "default": "high",
                "changeable": True,
            },
            "findings_email": {"type": "string", "default": "", "changeable": True},
            "source": {"enum": ["codecommit", "github"]},
        },
    },
    "costs": {
        "currency": "USD",
        "period": "month",
        "as_of": "2026-11-28",
        "items": [
            {
                "key": "key",
                "label": "KMS key",
                "types": ["AWS::KMS::Key"],
                "quantity": 1,
                "unit": "key",
                "unit_price": "1.00",
                "source": "list price",
                "verified": False,
            }
        ],
    },
}
"""What a release says of applications."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "size": {"enum": ["small", "medium", "large"], "changeable": True},
        "tier": {"enum": ["dev", "staging", "prod"]},
        "secrets": {
            "type": "array",
            "items": {
                "type": "string",
                "pattern": "^[A-Z][A-Z0-9_]+$",
                "description": "Capital letters.",
            },
            "uniqueItems": True,
            "changeable": True,
        },
    },
}


def rule_make(name: str = "A rule", **fields: Any) -> ApprovalRule:
    """A rule that needs no person and covers every risk, unless said otherwise."""
    defaults = {"approvals": 0, "risks_covered": Risk.values}
    return ApprovalRule.objects.create(name=name, **defaults | fields)


def proposal_make(subject: User, *, by: User, **fields: Any) -> Proposal:
    """A proposal that the person become an auditor, which waits for somebody."""
    proposal = Proposal(
        verb="person.change",
        subject=subject,
        subject_label=str(subject),
        before={
            "portal_role": subject.portal_role,
            "teams": sorted(subject.teams.values_list("slug", flat=True)),
            "is_active": subject.is_active,
        },
        after={"portal_role": PortalRole.AUDITOR.value, "teams": [], "is_active": True},
        proposed_by=by,
        expires_at=timezone.now() + timedelta(days=7),
    )
    for name, value in fields.items():
        setattr(proposal, name, value)
    proposal.digest = digest_of(proposal)
    proposal.save()
    return proposal


def team_make(name: str = "") -> Team:
    """A team."""
    name = name or f"Team {next(_numbers)}"
    return Team.objects.create(name=name, slug=name.lower().replace(" ", "-"))


def person_make(role: str = PortalRole.ENGINEER, *, teams: list[Team] | None = None, **fields: Any) -> User:
    """A person with PASSWORD and no second factor."""
    name = fields.pop("username", "") or f"{role}-{next(_numbers)}"
    user = User(username=name, email=f"{name}@example.org", portal_role=role, is_staff=True, **fields)
    user.set_password(PASSWORD)
    user.save()
    user.teams.set(teams or [])
    return user


def release_make(version: str = "", **fields: Any) -> Release:
    """A release with a small description of its own; `is_default` must be asked for."""
    blueprint, _ = Blueprint.objects.get_or_create(name="environment", defaults={"title": "Environment"})
    version = version or f"1.{next(_numbers)}.0"
    description = {
        "schema": SCHEMA,
        "naming": NAMING,
        "costs": COSTS,
        "stacks": STACKS,
        "regions": ["eu-west-1", "us-east-1"],
        "lock": {"aws-cdk-lib": "2.275.0", "node": "24.0.0", "python": "3.11"},
        "application": DELIVERY,
        "templates": {"role": "AWSTemplateFormatVersion: '2010-09-09'\n"},
    }
    digest = hashlib.sha256(version.encode()).hexdigest()
    return Release.objects.create(
        blueprint=blueprint,
        version=version,
        digest=digest,
        artifact=f"releases/{digest}.zip",
        # Of its own: a test that edits it must not edit what the next one gets.
        description=fields.pop("description", deepcopy(description)),
        **fields,
    )


def account_make(name: str = "", **fields: Any) -> Account:
    """A ready sandbox account with facts of its regions."""
    number = next(_numbers)
    account = Account.objects.create(
        **{
            "name": name or f"account-{number}",
            "account_id": f"{100000000000 + number}",
            "mode": "sandbox",
            "is_on_sandbox": True,
            "status": "ready",
            "regions": ["eu-west-1"],
            "zone_name": f"dev{number}.example.org",
            "zone_id": f"Z{number:06d}",
            "external_id": "external-id",
            **fields,
        }
    )
    for region in account.regions:
        RegionFacts.objects.create(account=account, region=region, version=1, facts={"azs": [f"{region}a"]})
    return account


def environment_make(
    name: str = "", *, team: Team, owner: User, account: Account, release: Release, **fields: Any
) -> Environment:
    """An environment in a status of one's choice (default: active), without operations or stacks."""
    number = next(_numbers)
    name = name or f"env-{number}"
    spec = {
        "name": name,
        "suffix": f"{number:04d}"[-4:],
        "tier": fields.get("tier", "dev"),
        "size": fields.get("size", "small"),
        "account_id": account.account_id,
        "home_region": account.regions[0],
        "cidr": f"10.{number % 256}.0.0/16",
        "domain": f"{name}.{account.zone_name}",
    }
    defaults = {
        "tier": "dev",
        "size": "small",
        "status": "active",
        "home_region": account.regions[0],
        "active_region": account.regions[0],
        "suffix": spec["suffix"],
        "cidr": spec["cidr"],
        "spec": spec,
        "monthly_cost": Decimal(cost_estimate(release.costs, spec)["total"]),
    }
    return Environment.objects.create(
        name=name, team=team, owner=owner, account=account, release=release, **defaults | fields
    )


def application_make(
    name: str = "", *, team: Team, owner: User, account: Account, release: Release, **fields: Any
) -> Application:
    """An application in a status of one's choice (default: ready), without operations or stacks."""
    number = next(_numbers)
    name = name or f"app-{number}"
    spec = {
        "name": name,
        "suffix": f"{number:04d}"[-4:],
        "team": team.slug,
        "owner": owner.username,
        "account_id": account.account_id,
        "region": account.regions[0],
        "source": "codecommit",
        "github_repository": None,
        "branch": "main",
        "blocks_from": "high",
        "findings_email": "",
    }
    defaults = {
        "suffix": spec["suffix"],
        "region": spec["region"],
        "status": "ready",
        "spec": spec,
        "outputs": {
            "RepositoryUrl": f"https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/sy-app-{name}",
            "PipelineName": f"sy-app-{name}",
            "RegistryUri": f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/sy-app-{name}",
        },
        "monthly_cost": Decimal("9.00"),
    }
    return Application.objects.create(
        name=name, team=team, owner=owner, account=account, release=release, **defaults | fields
    )


def version_make(application: Application, commit: str = "", **fields: Any) -> Version:
    """A version that the registry has."""
    commit = commit or f"{next(_numbers):040x}"
    defaults = {"digest": f"sha256:{commit:0>64}", "pushed_at": timezone.now()}
    return Version.objects.create(application=application, commit=commit, **defaults | fields)


def operation_make(
    subject: Any, *, kind: str = "provision", status: str = "running", **fields: Any
) -> Operation:
    """An operation of a subject, without steps; events say that it was asked for."""
    operation = Operation.objects.create(
        kind=kind,
        subject_type=ContentType.objects.get_for_model(subject),
        subject_id=subject.pk,
        subject_label=str(subject),
        claim_mode=kind_get(kind).claim_mode,
        status=status,
        sentence=fields.pop("sentence", f"It is {status}."),
        **fields,
    )
    events_write(operation.pk, [Draft("operation.requested", f"{kind} was requested.")])
    return operation


def step_make(operation: Operation, key: str, *, phase: str = "execute", **fields: Any) -> Step:
    """A step at the end of its phase."""
    position = operation.steps.filter(phase=phase).count()
    title = fields.pop("title", key.capitalize())
    return Step.objects.create(
        operation=operation, key=key, title=title, phase=phase, position=position, **fields
    )


def drift_make(environment: Environment, **fields: Any) -> DriftFinding:
    """An open finding: an attribute of the load balancer; the environment's row is brought to it."""
    stack = Stack.objects.filter(subject_id=environment.pk, key="app").first() or stack_make(
        environment, "app"
    )
    finding = DriftFinding.objects.create(
        **{
            "environment": environment,
            "region": environment.home_region,
            "stack": stack.key,
            "logical_id": "EdgeBalancer",
            "physical_id": "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/x/1",
            "type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "property_path": "LoadBalancerAttributes[routing.http2.enabled]",
            "expected": "true",
            "actual": "false",
        }
        | fields
    )
    open_ones = environment.drift_findings.filter(status="open")
    environment.drift_count = open_ones.count()
    environment.drift_since = finding.first_seen if environment.drift_count else None
    environment.save(update_fields=["drift_count", "drift_since"])
    return finding


def plan_make(operation: Operation, *, total: str = "245.14", **fields: Any) -> Plan:
    """A plan that adds one resource per stack of STACKS; the operation carries its hash."""
    stacks = [
        {
            "key": stack["key"],
            "name": f"sy-x-{stack['key']}",
            "region": "eu-west-1",
            "action": "create",
            "template_hash": "0" * 64,
            "changes": [
                {"logical_id": kind.split("::")[-1], "type": kind, "action": "added", "detail": ""}
                for kind in stack["types"]
            ],
        }
        for stack in STACKS
    ]
    cost = cost_estimate(COSTS, {"size": "small", "home_region": "eu-west-1"})
    document = {"summary": "Creates 5 stacks in Dublin.", "stacks": stacks, "risks": [], "losses": []}
    plan = Plan.objects.create(
        operation=operation,
        hash=fields.pop("hash", "a" * 64),
        document=document | fields.pop("document", {}),
        cost=cost,
        monthly_cost_after=Decimal(total),
        **fields,
    )
    Operation.objects.filter(pk=operation.pk).update(approval_hash=plan.hash)
    operation.approval_hash = plan.hash
    return plan


def assembly_make(environment: Environment) -> str:
    """A cloud assembly of the release's stacks, each with one bucket, in the artifact store; answers its name."""
    account, region = environment.account.account_id, environment.home_region
    files, artifacts = {}, {}
    for stack in environment.release.stacks:
        name = f"sy-{environment.full_name}-{stack['key']}"
        files[f"{name}.template.json"] = {
            "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}}
        }
        role = f"arn:${{AWS::Partition}}:iam::{account}:role/cdk-swyard"
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://{account}/{region}",
            "additionalMetadataFile": f"{name}.metadata.json",
            "properties": {
                "templateFile": f"{name}.template.json",
                "terminationProtection": stack["stateful"],
                "tags": {"switchyard:environment": environment.full_name},
                "assumeRoleArn": f"{role}-deploy-role-{account}-{region}",
                "cloudFormationExecutionRoleArn": f"{role}-cfn-exec-role-{account}-{region}",
            },
        }
    files["manifest.json"] = {"version": "55.0.0", "artifacts": artifacts}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, json.dumps(content))
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    return storages["artifacts"].save(f"assemblies/{digest}.zip", ContentFile(buffer.getvalue()))


def revision_make(environment: Environment, **fields: Any) -> Revision:
    """The next revision of an environment: as it is told now, of one assembly that no store has."""
    newest = environment.revisions.order_by("-number").first()
    number = newest.number + 1 if newest else 1
    assembly = fields.get("assembly", f"assemblies/{environment.pk}-{number}.zip")
    stacks = {
        stack["key"]: {
            "name": f"sy-{environment.full_name}-{stack['key']}",
            "region": environment.home_region,
            "hash": f"{number:064d}",
            "assembly": assembly,
        }
        for stack in STACKS
    }
    defaults = {
        "kind": "provision" if number == 1 else "update",
        "release": environment.release,
        "spec": environment.spec,
        "facts_version": 1,
        "assembly": assembly,
        "stacks": stacks,
        "monthly_cost": environment.monthly_cost,
    }
    return Revision.objects.create(environment=environment, number=number, **defaults | fields)


def stack_make(
    environment: Environment, key: str, *, status: str = "CREATE_COMPLETE", **fields: Any
) -> Stack:
    """A stack snapshot of an environment."""
    return Stack.objects.create(
        subject_type=ContentType.objects.get_for_model(Environment),
        subject_id=environment.pk,
        account_id=environment.account.account_id,
        region=environment.home_region,
        key=key,
        name=f"sy-{environment.full_name}-{key}",
        status=status,
        seen_at=timezone.now(),
        **fields,
    )


def resource_make(
    stack: Stack, logical_id: str, kind: str, *, status: str = "CREATE_COMPLETE", **fields: Any
) -> Resource:
    """A resource snapshot of a stack."""
    return Resource.objects.create(
        stack=stack, logical_id=logical_id, type=kind, status=status, seen_at=timezone.now(), **fields
    )


def minutes_ago(minutes: float) -> datetime:
    """A moment in the past."""
    return timezone.now() - timedelta(minutes=minutes)


def channel_make(team: Team | None, **fields: Any) -> Channel:
    """A webhook; a team's, or of everything."""
    return Channel.objects.create(
        **{
            "kind": "webhook",
            "name": "ci",
            "team": team,
            "groups": ["failed"],
            "url": "https://ci.example.org/hook",
            "masked": "https://ci.example.org/…",
        }
        | fields
    )


def delivery_make(channel: Channel, **fields: Any) -> Delivery:
    """A delivery to a channel."""
    return Delivery.objects.create(
        **{"medium": channel.kind, "topic": "operation.failed", "channel": channel} | fields
    )
