"""What a template changes, by property, and what of it replaces: a table of cases, and the blueprint's own."""

import dataclasses
import json

import pytest

from workers.aws.cloudformation import Deployment
from workers.changes import Rules, dependents, leaves, references, template_changes
from workers.planning import risk_kinds, risks
from workers.replacement import losses_of, require_losses_named
from workers.targets import Target
from workers.updates import policy_back, policy_during
from workers.workflow import StepFailed

RULES = Rules(
    {
        "AWS::RDS::DBCluster": {"create_only": ["KmsKeyId"], "conditional": ["Engine"]},
        "AWS::EC2::Instance": {"create_only": ["Network.SubnetId"], "conditional": []},
        "AWS::Logs::LogGroup": {"create_only": ["LogGroupName"], "conditional": []},
        "AWS::IAM::Role": {"create_only": ["RoleName"], "conditional": []},
    },
    frozenset({"AWS::RDS::DBCluster"}),
)


def cluster(**properties):
    return {"Type": "AWS::RDS::DBCluster", "Properties": properties}


def changed(old, new):
    (change,) = template_changes({"X": old}, {"X": new}, RULES)
    return change


@pytest.mark.parametrize(
    ("old", "new", "action", "may_replace", "rows"),
    [
        ({"A": 1}, {"A": 2}, "modified", False, [("A", "1", "2", "never")]),
        ({"KmsKeyId": "k"}, {"KmsKeyId": "l"}, "replaced", False, [("KmsKeyId", "k", "l", "always")]),
        ({"Engine": "a"}, {"Engine": "b"}, "modified", True, [("Engine", "a", "b", "maybe")]),
        ({}, {"A": {"B": [1]}}, "modified", False, [("A", "", '{"B": [1]}', "never")]),
        ({"A": {"B": 1, "C": 2}}, {"A": {"B": 1}}, "modified", False, [("A.C", "2", "", "never")]),
        (
            {"KmsKeyId": {"Ref": "K"}},
            {"KmsKeyId": {"Ref": "L"}},
            "replaced",
            False,
            [("KmsKeyId", '{"Ref": "K"}', '{"Ref": "L"}', "always")],
        ),
        (
            {"Tags": [{"Key": "team", "Value": "a"}, {"Key": "x", "Value": "1"}]},
            {"Tags": [{"Key": "x", "Value": "1"}, {"Key": "team", "Value": "b"}]},
            "modified",
            False,
            [("Tags[team]", "a", "b", "never")],
        ),
        (
            {"Options": [{"Namespace": "asg", "OptionName": "Max", "Value": "2"}]},
            {
                "Options": [
                    {"Namespace": "asg", "OptionName": "Max", "Value": "6"},
                    {"Namespace": "asg", "OptionName": "Min", "Value": "1"},
                ]
            },
            "modified",
            False,
            [("Options[asg Max]", "2", "6", "never"), ("Options[asg Min]", "", "1", "never")],
        ),
        ({"L": ["a"]}, {"L": ["a", "b"]}, "modified", False, [("L", '["a"]', '["a", "b"]', "never")]),
        (
            {"R": [{"Name": "one", "P": 1, "Q": 1}]},
            {"R": []},
            "modified",
            False,
            [("R[one]", '{"P": 1, "Q": 1}', "", "never")],
        ),
    ],
)
def test_properties_before_and_after(old, new, action, may_replace, rows):
    change = changed(cluster(**old), cluster(**new))
    assert (change["action"], change["may_replace"], change["stateful"]) == (action, may_replace, True)
    told = [(row["path"], row["before"], row["after"], row["replaces"]) for row in change["properties"]]
    assert told == rows


def test_a_part_of_a_create_only_property_replaces_and_its_neighbour_does_not():
    def instance(**network):
        return {"Type": "AWS::EC2::Instance", "Properties": {"Network": network}}

    assert changed(instance(SubnetId="a"), instance(SubnetId="b"))["action"] == "replaced"
    assert changed(instance(Groups="a"), instance(Groups="b"))["action"] == "modified"
    assert changed(instance(SubnetId="a"), {"Type": "AWS::EC2::Instance"})["action"] == "replaced"


def test_another_type_replaces_and_what_surrounds_a_resource_does_not():
    assert changed(cluster(), {"Type": "AWS::Logs::LogGroup"})["detail"] == "It was AWS::RDS::DBCluster."
    around = changed(cluster(), {**cluster(), "DeletionPolicy": "Retain"})
    assert around["action"] == "modified" and around["properties"][0]["path"] == "DeletionPolicy"


def test_of_an_unknown_type_every_property_may_replace():
    (change,) = template_changes(
        {"X": {"Type": "Custom::New", "Properties": {"A": 1}}},
        {"X": {"Type": "Custom::New", "Properties": {"A": 2}}},
        RULES,
    )
    assert change["action"] == "modified" and change["may_replace"]


def test_added_and_removed():
    changes = template_changes({"Old": cluster()}, {"New": cluster()}, RULES)
    assert [(c["logical_id"], c["action"]) for c in changes] == [("New", "added"), ("Old", "removed")]


def test_references_of_all_forms_are_found():
    value = {
        "A": {"Ref": "One"},
        "B": [{"Fn::GetAtt": ["Two", "Arn"]}, {"Fn::GetAtt": "Three.Endpoint.Port"}],
        "C": {"Fn::Join": ["", ["x", {"Fn::Sub": "${Four}-${Five.Arn}"}]]},
        "D": {"Fn::Sub": ["${x}", {"x": {"Ref": "Six"}}]},
    }
    assert {(path, name, attribute) for path, name, attribute in references(value) if name != "x"} == {
        ("A", "One", ""),
        ("B", "Two", "Arn"),
        ("B", "Three", "Endpoint.Port"),
        ("C", "Four", ""),
        ("C", "Five", "Arn"),
        ("D", "Six", ""),
    }


def test_what_refers_to_a_replaced_resource_is_touched_and_may_be_replaced_in_turn():
    resources = {
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "new"}},
        "Named": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Ref": "Group"}}},
        "User": {"Type": "AWS::IAM::Role", "Properties": {"Path": {"Fn::GetAtt": ["Named", "Arn"]}}},
        "Apart": {"Type": "AWS::IAM::Role", "Properties": {"Path": "/"}},
    }
    old = {**resources, "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "old"}}}
    changes = template_changes(old, resources, RULES)
    touched = {
        change["logical_id"]: change["may_replace"] for change in dependents(resources, changes, RULES)
    }
    assert touched == {"Named": True, "User": False}


def test_what_refers_by_name_to_a_resource_changed_in_place_is_left_alone():
    resources = {
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
        "ByName": {"Type": "AWS::IAM::Role", "Properties": {"Path": {"Ref": "Group"}}},
        "ByAttribute": {"Type": "AWS::IAM::Role", "Properties": {"Path": {"Fn::GetAtt": ["Group", "Arn"]}}},
    }
    old = {**resources, "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}}}
    changes = template_changes(old, resources, RULES)
    assert [change["logical_id"] for change in dependents(resources, changes, RULES)] == ["ByAttribute"]


def test_a_plan_that_loses_data_is_refused_and_other_risks_are_told():
    row = {"key": "data", "changes": [changed(cluster(KmsKeyId="a"), cluster(KmsKeyId="b"))], "touched": []}
    losses = losses_of({"stacks": [row]}, {"data": {"X": {"UpdateReplacePolicy": "Snapshot"}}})
    with pytest.raises(
        StepFailed,
        match=r"data/X \(AWS::RDS::DBCluster\) would be replaced by a change of KmsKeyId.*last snapshot",
    ) as refusal:
        require_losses_named(losses, [])
    assert refusal.value.failure["losses"] == losses
    require_losses_named(losses, ["data/X"])
    with pytest.raises(
        StepFailed, match="data/Y was named to be replaced or removed, and this change does neither"
    ):
        require_losses_named(losses, ["data/X", "data/Y"])
    assert risks([row]) == [
        "X (AWS::RDS::DBCluster) is replaced: a new one is made, then the old one is deleted (KmsKeyId)."
    ]
    assert risk_kinds([row]) == ["data-loss", "replacement"]
    gone = {"key": "data", "changes": template_changes({"X": cluster()}, {}, RULES), "touched": []}
    with pytest.raises(
        StepFailed, match=r"would be removed, which loses the database.*Nothing of it is left"
    ):
        require_losses_named(losses_of({"stacks": [gone]}, {}), [])
    assert risk_kinds([gone]) == ["data-loss", "removal"]
    may = {"key": "data", "changes": [changed(cluster(Engine="a"), cluster(Engine="b"))], "touched": []}
    assert losses_of({"stacks": [may]}, {}) == [] and risk_kinds([may]) == ["replacement"]
    assert "may be replaced" in risks([may])[0]


def test_a_stack_policy_is_lifted_for_what_is_named_and_put_back_after_a_rollback():
    guarded = {
        "Statement": [
            {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": ["Update:Replace", "Update:Delete"],
                "Principal": "*",
                "Resource": ["LogicalResourceId/Key", "LogicalResourceId/Bucket", "LogicalResourceId/New"],
            },
        ]
    }
    target = Target(
        account=None,
        region="eu-west-1",
        key="data",
        deployment=Deployment(name="sy-data", role_arn="", policy=json.dumps(guarded)),
        template="{}",
        planned=[{"logical_id": "New", "action": "added"}, {"logical_id": "Old", "action": "removed"}],
        named=frozenset({"Bucket", "Old"}),
    )

    def denied(policy):
        found = [row["Resource"] for row in json.loads(policy)["Statement"] if row["Effect"] == "Deny"]
        return [name.split("/")[1] for row in found for name in row]

    assert denied(policy_during(target)) == ["Key"]
    assert denied(policy_back(target)) == ["Bucket", "Key", "Old"]
    all_named = dataclasses.replace(target, named=frozenset({"Key", "Bucket"}))
    assert denied(policy_during(all_named)) == []


def test_options_of_two_scheduled_actions_are_told_apart():
    def option(of, value):
        space = "aws:autoscaling:scheduledaction"
        return {"Namespace": space, "ResourceName": of, "OptionName": "MinSize", "Value": value}

    plain = {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "1"}
    before = {"OptionSettings": [plain, option("day", "2"), option("night", "1")]}
    after = {"OptionSettings": [plain, option("day", "3"), option("night", "1")]}
    assert list(leaves(before, after)) == [
        ("OptionSettings[aws:autoscaling:scheduledaction MinSize of day]", "2", "3")
    ]
