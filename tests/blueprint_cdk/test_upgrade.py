"""The first release's environment, as it was deployed, comes to this release and keeps what it holds.

`part_1/` has the templates of blueprint 1.1.0, five stacks with RDS Proxy, for the spec of `support`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blueprint_cdk.bundle import placeholder_bundle
from blueprint_cdk.policies import STATEFUL_TYPES
from devtools.sandbox import Sandbox
from tests.blueprint_cdk.deploying import PREFIX, Deployment
from tests.blueprint_cdk.support import SPEC, Synthesise

ACCOUNT, REGION = "510000000061", "eu-west-1"
FIRST = Path(__file__).with_name("part_1")
STACKS = ("network", "keys", "data", "storage", "app")
BUNDLE = "132af55e80b50c91be3626587ad54d51b9c6eee4cb48d2a9fb12f1ce9f28deab.zip"
"""The key of the placeholder in the first release's app template."""


@pytest.mark.timeout(300)
def test_the_first_releases_environment_comes_to_this_one_with_its_data(
    sandbox: Sandbox, synthesise: Synthesise
) -> None:
    keys = sandbox.account(ACCOUNT)
    route53 = sandbox.client("route53", keys, "us-east-1")
    zone = route53.create_hosted_zone(Name="first.example.com", CallerReference="first")["HostedZone"]["Id"]
    own = {"account_id": ACCOUNT, "zone_id": zone.rpartition("/")[2], "zone_name": "first.example.com"}
    deployment = Deployment(sandbox, keys, {"home": REGION})
    s3 = deployment.client("s3")
    s3.put_object(Bucket=f"cdk-swyard-assets-{ACCOUNT}-{REGION}", Key=BUNDLE, Body=placeholder_bundle())
    stateful = {}
    for key in STACKS:
        text = (FIRST / f"{key}.json").read_text()
        for field, value in own.items():
            text = text.replace(SPEC[field], value)
        stack = deployment.stacks["home"].create(f"{PREFIX}-{key}", text)
        assert stack["StackStatus"] == "CREATE_COMPLETE", (key, stack.get("StackStatusReason"))
        deployment.there[key] = "home"
        held = [name for name, row in json.loads(text)["Resources"].items() if row["Type"] in STATEFUL_TYPES]
        stateful |= {(key, name): deployment.physical()[key, name] for name in held}
    assert len(stateful) >= 5
    uploads, secret = (deployment.outputs("storage")["UploadsBucket"], f"{PREFIX}/database")
    s3.put_object(Bucket=uploads, Key="photo.jpg", Body=b"of 2025")
    password = deployment.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]

    # With the proxy that it has; without it comes later (decision 0217).
    done = deployment.bring(
        synthesise(**own, permissions_boundary_arn=None, modules=["proxy"]), "none", ["proxy"]
    )
    assert set(done) >= {f"update {key}" for key in STACKS} and "create operations" in done
    after = deployment.physical()
    assert {place: after[place] for place in stateful} == stateful
    assert s3.get_object(Bucket=uploads, Key="photo.jpg")["Body"].read() == b"of 2025"
    assert deployment.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == password
    deployment.delete_all()
