"""What must outlive the sandbox's process: dates of deletion, values, and changes under way."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.processes import free_port
from devtools.sandbox import Sandbox

ACCOUNT = "210000000019"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of the test's own, which it may stop and start."""
    process = Sandbox(home=tmp_path / "state", port=free_port())
    process.start()
    yield process
    process.stop()


def test_keys_secrets_and_databases_outlive_a_restart(own: Sandbox) -> None:
    keys = own.account(ACCOUNT)
    kms, secrets, rds = (own.client(s, keys) for s in ("kms", "secretsmanager", "rds"))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    waiting = kms.create_key()["KeyMetadata"]["KeyId"]
    date = kms.schedule_key_deletion(KeyId=waiting, PendingWindowInDays=7)["DeletionDate"]
    secrets.create_secret(Name="kept", SecretString="value")
    own.settings(speed=1, durations={"AWS::RDS::DBCluster": {"create": 1.5}})
    rds.create_db_cluster(
        DBClusterIdentifier="begun",
        Engine="aurora-mysql",
        MasterUsername="swadmin",
        MasterUserPassword="correct-horse",
    )
    own.stop()
    own.start()
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"text"
    metadata = kms.describe_key(KeyId=waiting)["KeyMetadata"]
    assert (metadata["KeyState"], metadata["DeletionDate"]) == ("PendingDeletion", date)
    assert secrets.get_secret_value(SecretId="kept")["SecretString"] == "value"
    deadline = time.monotonic() + 15
    while (status := rds.describe_db_clusters()["DBClusters"][0]["Status"]) != "available":
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
