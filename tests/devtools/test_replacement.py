"""A release's data on replacement is what the registry schemas say of every type that the blueprint makes."""

import json

from devtools.replacement import FILE, replacement


def test_the_file_is_as_make_schemas_writes_it():
    assert json.loads(FILE.read_text()) == replacement(), "Run `make schemas`, and look at what moved."


def test_known_rules():
    data = replacement()
    assert "KmsKeyId" in data["types"]["AWS::RDS::DBCluster"]["create_only"]
    assert "Engine" in data["types"]["AWS::RDS::DBCluster"]["conditional"]
    assert set(data["stateful"]) & set(data["types"]) >= {
        "AWS::RDS::DBCluster",
        "AWS::S3::Bucket",
        "AWS::KMS::Key",
    }
