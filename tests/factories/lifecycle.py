"""Releases, accounts, environments and applications, and what is known of them."""

import hashlib
import io
import json
import zipfile
from copy import deepcopy
from decimal import Decimal
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone

from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.models import (
    Account,
    Application,
    Blueprint,
    DriftFinding,
    Environment,
    Plan,
    RegionFacts,
    Release,
    Revision,
    Version,
)
from environments.operations.models import Operation, Stack
from environments.people.models import Team, User
from tests.factories.described import COSTS, DELIVERY, NAMING, SCHEMA, STACKS
from tests.factories.numbers import numbers
from tests.factories.operations import stack_make


def release_make(version: str = "", **fields: Any) -> Release:
    """A release with a small description of its own; `is_default` must be asked for."""
    blueprint, _ = Blueprint.objects.get_or_create(name="environment", defaults={"title": "Environment"})
    version = version or f"1.{next(numbers)}.0"
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
    number = next(numbers)
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
    number = next(numbers)
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
    number = next(numbers)
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
    commit = commit or f"{next(numbers):040x}"
    defaults = {"digest": f"sha256:{commit:0>64}", "pushed_at": timezone.now()}
    return Version.objects.create(application=application, commit=commit, **defaults | fields)


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
