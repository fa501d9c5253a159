"""Whether policies newly allow something: judged by simulation, so by what they do and not by how they are written."""

import pytest

from workers.simulation.judging import broadenings
from workers.simulation.resolving import Place

ACCOUNT, OTHER = "111122223333", "444455556666"
SERVICE_TRUST = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
}
BUCKET = {"Fn::GetAtt": ["Bucket", "Arn"]}
OBJECTS = {"Fn::Join": ["", [BUCKET, "/*"]]}


def place(resources):
    return Place(ACCOUNT, "eu-west-1", {"app": "sy-app"}, {"app": {"Resources": resources}})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {**allow(action, resource, **more), "Effect": "Deny"}


def role(*statements, trust=SERVICE_TRUST, **more):
    return {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "TaskRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust,
                "Policies": [
                    {
                        "PolicyName": "p",
                        "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)},
                    }
                ]
                if statements
                else [],
                **more,
            },
        },
    }


def trusting(*principals, **more):
    return {
        "Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
            for principal in principals
        ]
    }


def bucket_policy(*statements):
    return {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Statement": list(statements)}},
        },
    }


def sentences(before, after):
    return [row["sentence"] for row in broadenings(place(before), place(after))]


BROADENS = {
    "a wildcard": (
        role(allow("s3:GetObject", OBJECTS)),
        role(allow("s3:*", OBJECTS)),
        ["TaskRole may now also", "more actions", "on s3 Bucket/*"],
    ),
    "one more action, everywhere": (
        role(allow("s3:GetObject")),
        role(allow(["s3:GetObject", "s3:DeleteObject"])),
        ["TaskRole may now also delete object (s3:DeleteObject) on any resource."],
    ),
    "any bucket instead of one": (
        role(allow("s3:DeleteObject", OBJECTS)),
        role(allow("s3:DeleteObject", "*")),
        ["TaskRole may now also delete object (s3:DeleteObject) on any resource."],
    ),
    "NotAction": (
        role(allow("s3:GetObject")),
        role({"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*"}),
        ["TaskRole may now also", "more actions", "on any resource"],
    ),
    "a NotAction that leaves less out": (
        role({"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}),
        role({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}),
        ["sts:", "on any resource"],
    ),
    "a removed condition": (
        role(allow("s3:GetObject", OBJECTS, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        role(allow("s3:GetObject", OBJECTS)),
        ["TaskRole may now also get object (s3:GetObject) on s3 Bucket/*."],
    ),
    "a condition with one more value": (
        role(allow("s3:GetObject", "*", Condition={"StringEquals": {"aws:PrincipalTag/a": ["x"]}})),
        role(allow("s3:GetObject", "*", Condition={"StringEquals": {"aws:PrincipalTag/a": ["x", "y"]}})),
        ["on any resource, under conditions on aws:PrincipalTag/a."],
    ),
    "a removed deny": (
        role(allow("s3:*", OBJECTS), deny("s3:DeleteObject", OBJECTS)),
        role(allow("s3:*", OBJECTS)),
        ["delete object (s3:DeleteObject) on s3 Bucket/*."],
    ),
    "a deny of fewer resources": (
        role(allow("s3:*"), deny("s3:*", "arn:aws:s3:::audit*")),
        role(allow("s3:*"), deny("s3:*", "arn:aws:s3:::audit-log*")),
        ["on s3 audit*"],
    ),
    "a new trust of another account": (
        role(),
        role(trust=trusting({"Service": "ec2.amazonaws.com"}, {"AWS": f"arn:aws:iam::{OTHER}:root"})),
        [f"Anyone in account {OTHER} may now assume TaskRole."],
    ),
    "a new trust of everybody": (
        role(),
        role(trust=trusting({"Service": "ec2.amazonaws.com"}, {"AWS": "*"})),
        ["Anyone in any AWS account may now assume TaskRole."],
    ),
    "a new trust of a service": (
        role(),
        role(trust=trusting({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]})),
        ["The service lambda.amazonaws.com may now assume TaskRole."],
    ),
    "a trust without its condition": (
        role(trust=trusting({"AWS": OTHER}, Condition={"StringEquals": {"sts:ExternalId": "secret"}})),
        role(trust=trusting({"AWS": OTHER})),
        [f"Anyone in account {OTHER} may now assume TaskRole."],
    ),
    "a bucket open to everybody": (
        bucket_policy(),
        bucket_policy({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": OBJECTS}),
        ["Anybody, without signing in, may now also get object (s3:GetObject) on s3 Bucket/*"],
    ),
    "a bucket that no longer insists on TLS": (
        bucket_policy(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [BUCKET, OBJECTS],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ),
        {"Bucket": {"Type": "AWS::S3::Bucket"}},
        [
            "Anyone in this account, as far as their own policies let them, may now also",
            "aws:SecureTransport",
        ],
    ),
    "a key for another account": (
        {"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": []}}}},
        {
            "Key": {
                "Type": "AWS::KMS::Key",
                "Properties": {
                    "KeyPolicy": {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"AWS": f"arn:aws:iam::{OTHER}:role/reader"},
                                "Action": "kms:Decrypt",
                                "Resource": "*",
                            }
                        ]
                    }
                },
            }
        },
        ["role/reader may now also decrypt (kms:Decrypt) on kms key/Key."],
    ),
    "a queue's policy for a service": (
        {"Queue": {"Type": "AWS::SQS::Queue"}},
        {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Policy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {
                    "Queues": [{"Ref": "Queue"}],
                    "PolicyDocument": {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Principal": {"Service": "sns.amazonaws.com"},
                                "Action": "sqs:SendMessage",
                                "Resource": {"Fn::GetAtt": ["Queue", "Arn"]},
                            }
                        ]
                    },
                },
            },
        },
        ["The service sns.amazonaws.com may send message (sqs:SendMessage) on sqs Queue."],
    ),
    "a removed boundary that is known": (
        {
            **role(allow("s3:*"), PermissionsBoundary={"Ref": "Edge"}),
            "Edge": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": {"Statement": [allow("s3:GetObject")]}},
            },
        },
        {
            **role(allow("s3:*")),
            "Edge": {
                "Type": "AWS::IAM::ManagedPolicy",
                "Properties": {"PolicyDocument": {"Statement": [allow("s3:GetObject")]}},
            },
        },
        ["TaskRole may now also", "more actions", "on any resource"],
    ),
    "a removed boundary of the account": (
        role(allow("s3:*"), PermissionsBoundary=f"arn:aws:iam::{ACCOUNT}:policy/Edge"),
        role(allow("s3:*")),
        [f"TaskRole is no longer held within the permissions boundary arn:aws:iam::{ACCOUNT}:policy/Edge."],
    ),
    "a policy attached from a resource of its own": (
        role(),
        {
            **role(),
            "More": {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "PolicyName": "more",
                    "Roles": [{"Ref": "TaskRole"}],
                    "PolicyDocument": {
                        "Statement": [
                            allow("s3:PutObject", {"Fn::Sub": "arn:${AWS::Partition}:s3:::${Bucket}/in/*"})
                        ]
                    },
                },
            },
        },
        ["TaskRole may now also put object (s3:PutObject) on s3 Bucket/in/*."],
    ),
}


@pytest.mark.parametrize("case", BROADENS)
def test_what_is_newly_allowed_is_told_in_words(case):
    before, after, parts = BROADENS[case]
    told = sentences(before, after)
    assert told, case
    text = " ".join(told)
    for part in parts:
        assert part in text, text
    assert sentences(after, after) == []


SILENT = {
    "a narrowing": (role(allow("s3:*", OBJECTS)), role(allow("s3:GetObject", OBJECTS))),
    "an added deny": (
        role(allow("s3:*", OBJECTS)),
        role(allow("s3:*", OBJECTS), deny("s3:DeleteObject", OBJECTS)),
    ),
    "an added condition": (
        role(allow("s3:*")),
        role(allow("s3:*", "*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})),
    ),
    "statements in another order": (
        role(allow("s3:GetObject"), allow("sqs:SendMessage"), deny("s3:*", "arn:aws:s3:::audit/*")),
        role(deny("s3:*", "arn:aws:s3:::audit/*"), allow("sqs:SendMessage"), allow("s3:GetObject")),
    ),
    "a statement in two": (
        role(allow(["s3:GetObject", "s3:PutObject"], OBJECTS)),
        role(allow("s3:GetObject", OBJECTS), allow("s3:PutObject", OBJECTS)),
    ),
    "all actions by name instead of a wildcard that has no more": (
        role(allow("ec2:DescribeVpc*")),
        role(allow(["ec2:DescribeVpcs", "ec2:DescribeVpcAttribute"])),
    ),
    "an added boundary": (
        role(allow("s3:*")),
        role(allow("s3:*"), PermissionsBoundary=f"arn:aws:iam::{ACCOUNT}:policy/Edge"),
    ),
    "a trust that is gone": (
        role(trust=trusting({"Service": "ec2.amazonaws.com"}, {"AWS": OTHER})),
        role(trust=trusting({"Service": "ec2.amazonaws.com"})),
    ),
    "the same reference written as Sub": (
        role(allow("s3:GetObject", OBJECTS)),
        role(allow("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/*"})),
    ),
    "a policy that moved into a resource of its own": (
        role(allow("s3:GetObject", OBJECTS)),
        {
            **role(),
            "Own": {
                "Type": "AWS::IAM::Policy",
                "Properties": {
                    "PolicyName": "own",
                    "Roles": [{"Ref": "TaskRole"}],
                    "PolicyDocument": {"Statement": [allow("s3:GetObject", OBJECTS)]},
                },
            },
        },
    ),
}


@pytest.mark.parametrize("case", SILENT)
def test_what_allows_nothing_new_is_not_told(case):
    before, after = SILENT[case]
    assert sentences(before, after) == []


def test_what_nobody_can_tell_is_told_as_that():
    managed = role(ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"])
    (row,) = broadenings(place(role()), place(managed))
    assert not row["judged"] and "AdministratorAccess, whose content is not judged here" in row["sentence"]
    chosen = role(allow("s3:GetObject", {"Fn::If": ["Wide", "*", OBJECTS]}))
    told = broadenings(place(role()), place(chosen))
    assert any(not row["judged"] and "Fn::If" in row["sentence"] for row in told)
    canonical = {
        "Effect": "Allow",
        "Principal": {"CanonicalUser": "79a5"},
        "Action": "s3:GetObject",
        "Resource": OBJECTS,
    }
    told = broadenings(place(bucket_policy()), place(bucket_policy(canonical)))
    assert any(not row["judged"] and "CanonicalUser" in row["sentence"] for row in told)
    odd = role(allow("s3:GetObject", "*", Condition={"StringSmells": {"aws:SourceIp": "x"}}))
    told = broadenings(place(role()), place(odd))
    assert any(not row["judged"] for row in told), told


def test_without_the_simulator_a_change_is_told_as_not_judged_and_none_asks_nobody(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    same = role(allow("s3:*"))
    assert broadenings(place(same), place(same)) == []
    (row,) = broadenings(place(same), place(role(allow("*"))))
    assert not row["judged"]
    assert row["sentence"].endswith("were not judged: the policy simulator is not installed here.")


def test_a_reference_to_another_stack_is_the_same_as_its_export():
    keys = {
        "Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": {}}},
        "Outputs": {"KeyArn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}, "Export": {"Name": "sy:KeyArn"}}},
    }

    def both(value):
        names = {"keys": "sy-keys", "app": "sy-app"}
        return Place(
            ACCOUNT,
            "eu-west-1",
            names,
            {"keys": keys, "app": {"Resources": role(allow("kms:Decrypt", value))}},
        )

    imported = both({"Fn::ImportValue": "sy:KeyArn"})
    literal = both(f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/in.keys.Key")
    assert broadenings(imported, literal) == []
