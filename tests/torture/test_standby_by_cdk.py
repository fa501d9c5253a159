"""The life of a standby with the plain `cdk` command alone: deployed, added, taken away, all deleted; no portal."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from blueprint_cdk.data import load
from devtools.node import with_our_tools
from devtools.places import ROOT
from devtools.sandbox import Sandbox
from tests.blueprint_cdk.conftest import synthesise  # noqa: F401
from tests.blueprint_cdk.support import OTHER, Assembly, Synthesise
from tests.blueprint_cdk.test_standby_deployed import House, kept

pytestmark = [pytest.mark.torture, pytest.mark.timeout(900)]

NUMBER = 31
TOOLKIT = ("--toolkit-stack-name", "CDKToolkit-swyard")
ROWS = {
    row["key"]: row
    for row in load("stacks")["environment"]
    if not {"modules", "tier"} & set(row.get("when", {}))
}
JOINED = [key for key, row in ROWS.items() if "joins" in row]


class Cdk:
    """The CDK command in an account of the local AWS, with root keys and no other tool."""

    def __init__(self, sandbox: Sandbox, house: House, folder: Path) -> None:
        self._house, self._folder = house, folder
        self._account = str(house.fixed["account_id"])
        keys = sandbox.account(self._account)
        self._environment = {
            **with_our_tools({"HOME": str(folder), "PATH": os.environ["PATH"]}),
            "AWS_ENDPOINT_URL": sandbox.url,
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_REGION": "eu-west-1",
            "CDK_DISABLE_CLI_TELEMETRY": "1",
            "CDK_DISABLE_VERSION_CHECK": "1",
        }

    def __call__(self, assembly: Assembly, verb: str, *words: str) -> str:
        command = [str(ROOT / "node_modules/.bin/cdk"), verb, *words, "--app", str(assembly.folder)]
        done = subprocess.run(
            [*command, "--no-notices", "--ci"],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def bootstrap(self, assembly: Assembly) -> None:
        """Both regions, as an account gets it that no portal knows."""
        for place, region in self._house.deployment.regions.items():
            # Made for the other tests of this house; the bootstrap has its own.
            bucket = f"cdk-swyard-assets-{self._account}-{region}"
            self._house.deployment.client("s3", place).delete_bucket(Bucket=bucket)
        places = [f"aws://{self._account}/{region}" for region in self._house.deployment.regions.values()]
        self(assembly, "bootstrap", *places, "--qualifier", "swyard", *TOOLKIT)

    def deploy(self, assembly: Assembly, *words: str) -> str:
        return self(assembly, "deploy", "--require-approval", "never", "--concurrency", "4", *TOOLKIT, *words)

    def outputs(self, assembly: Assembly) -> dict[str, dict[str, str]]:
        """Of every stack that is there, by name."""
        found: dict[str, dict[str, str]] = {}
        for place in self._house.deployment.regions:
            stacks = self._house.deployment.client("cloudformation", place).describe_stacks()["Stacks"]
            for stack in stacks:
                found[stack["StackName"]] = {
                    row["OutputKey"]: row["OutputValue"] for row in stack.get("Outputs", ())
                }
        return {name: found[name] for name in found if name.startswith(assembly.prefix)}


def given(assembly: Assembly, outputs: dict[str, dict[str, str]]) -> list[str]:
    """The parameters that data/stacks.json fills from outputs, as options of `cdk deploy`."""
    words: list[str] = []
    for row in ROWS.values():
        for name, source in row.get("parameters", {}).items():
            stack, _, output = source.partition(".")
            value = outputs[f"{assembly.prefix}-{stack}"][output]
            words += ["--parameters", f"{assembly.prefix}-{row['key']}:{name}={value}"]
    return words


def names(assembly: Assembly, keys: list[str]) -> list[str]:
    return [f"{assembly.prefix}-{key}" for key in keys]


@pytest.mark.parametrize("standby", ["pilot-light", "warm"])
def test_cdk_alone_deploys_adds_and_removes_a_standby_and_deletes(
    sandbox: Sandbox,
    synthesise: Synthesise,  # noqa: F811
    tmp_path: Path,
    standby: str,
) -> None:
    house = House(sandbox, synthesise, NUMBER + (standby == "warm"))
    cdk = Cdk(sandbox, house, tmp_path)
    plain, both = house.assembly(standby="none"), house.assembly(standby=standby)
    home = [key for key, row in ROWS.items() if "when" not in row]
    added = [key for key in ROWS if key not in home]

    cdk.bootstrap(plain)
    cdk.deploy(plain, "--all")
    assert set(cdk.outputs(plain)) == set(names(plain, home))
    before = physical(house, home)

    cdk.deploy(both, "--all", *given(both, cdk.outputs(plain)))
    joins = [word for name in names(both, JOINED) for word in ("--parameters", f"{name}:Joined=true")]
    cdk.deploy(both, "--exclusively", *names(both, JOINED), *joins)
    assert set(cdk.outputs(both)) == set(names(both, [*home, *added]))
    kept(before, physical(house, home))
    # Parameters keep what they have: once more, and nothing is left to do.
    again = cdk.deploy(both, "--all")
    assert again.count("(no changes)") == len(ROWS), again
    assert replicated(house)

    # Home lets go of the other region first; then what nothing needs any more is deleted, the last made first.
    cdk.deploy(plain, "--all")
    empty(house, "other", cdk.outputs(both)[f"{both.prefix}-other-storage"])
    for key in reversed(_ordered(added)):
        cdk(both, "destroy", "--force", "--exclusively", f"{both.prefix}-{key}")
    assert set(cdk.outputs(plain)) == set(names(plain, home))
    kept(before, physical(house, home))

    empty(house, "home", cdk.outputs(plain)[f"{plain.prefix}-storage"])
    cdk(plain, "destroy", "--force", "--all")
    assert cdk.outputs(plain) == {}


def physical(house: House, keys: list[str]) -> dict[tuple[str, str], str]:
    """Physical ids of the home region's stacks, by stack and logical id."""
    stacks = house.deployment.stacks["home"]
    return {
        (key, logical): found
        for key in keys
        for logical, found in stacks.physical(f"sy-shop-k3x9-{key}").items()
    }


def replicated(house: House) -> dict[str, Any]:
    """The rules by which uploads of the home region follow."""
    s3 = house.deployment.client("s3", "home")
    bucket = f"sy-shop-k3x9-uploads-{house.fixed['account_id']}-eu-west-1"
    rules: dict[str, Any] = s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
    assert OTHER in json.dumps(rules)
    return rules


def empty(house: House, place: str, outputs: dict[str, str]) -> None:
    """A bucket with objects refuses to go, by whoever it is asked."""
    for name, value in outputs.items():
        if name.endswith("Bucket"):
            house.deployment.empty(value, place)


def _ordered(keys: list[str]) -> list[str]:
    """Each after those that it needs."""
    found: list[str] = []
    while len(found) < len(keys):
        found += [k for k in keys if k not in found and set(ROWS[k]["needs"]) & set(keys) <= set(found)]
    return found
