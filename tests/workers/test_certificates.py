"""The record that proved an environment's certificate: it goes with the environment, and no other goes with it."""

import pytest

from environments.lifecycle.models import Environment, TeardownReport
from environments.operations.control import operation_cancel, operation_retry
from tests.workers.support import ACCOUNT_ID, ZONE, ask_teardown, drive

pytestmark = pytest.mark.django_db(transaction=True)
ELSEWHERE = "_0af1.mhbtsbpdnt.acm-validations.aws."


class Names:
    """The records at and below an environment's domain, and changes of them as the account's owner makes them."""

    def __init__(self, sandbox, keys, environment):
        self.client = sandbox.client("route53", keys)
        self.zone, self.domain = environment.spec["zone_id"], environment.spec["domain"]

    def proofs(self):
        """CNAMEs below the domain: name to value."""
        pages = self.client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=self.zone)
        records = [record for page in pages for record in page["ResourceRecordSets"]]
        return {
            record["Name"].rstrip("."): record["ResourceRecords"][0]["Value"]
            for record in records
            if record["Type"] == "CNAME" and record["Name"].endswith(f".{self.domain}.")
        }

    def change(self, action, name, value):
        record = {"Name": name, "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": value}]}
        changes = [{"Action": action, "ResourceRecordSet": record}]
        self.client.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch={"Changes": changes})


@pytest.fixture
def names(sandbox, keys, active):
    return Names(sandbox, keys, active)


def left_records():
    return [
        row["id"]
        for row in TeardownReport.objects.get().left_over
        if row["type"] == "AWS::Route53::RecordSet"
    ]


def test_the_record_goes_with_the_certificate_and_a_foreign_one_is_left_and_told(active, names, people):
    (own,) = names.proofs()
    foreign = f"_foreign.{names.domain}"
    names.change("CREATE", foreign, ELSEWHERE)
    operation = drive(ask_teardown(people, active))
    assert operation.steps.get(key="validation-record").sentence == f"Deleted {own}."
    assert names.proofs() == {foreign: ELSEWHERE}
    assert operation.status == "failed" and left_records() == [f"{foreign} CNAME"]
    names.change("DELETE", foreign, ELSEWHERE)
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence


def test_the_record_stays_while_another_certificate_needs_it(active, names, people, sandbox, keys):
    """Another key type, another region, and the domain among others: the same record proves it."""
    ((own, value),) = names.proofs().items()
    acm = sandbox.client("acm", keys, "us-east-1")
    other = acm.request_certificate(
        DomainName=f"portal.{ZONE}",
        SubjectAlternativeNames=[f"*.{names.domain}"],
        ValidationMethod="DNS",
        KeyAlgorithm="EC_prime256v1",
    )["CertificateArn"]
    operation = drive(ask_teardown(people, active))
    assert operation.status == "succeeded", operation.sentence
    assert names.proofs() == {own: value}
    (kept,) = TeardownReport.objects.get().kept
    assert (kept["type"], kept["id"]) == ("AWS::Route53::RecordSet", f"{own} CNAME")
    assert other in kept["why"]
    acm.delete_certificate(CertificateArn=other)
    names.change("DELETE", own, value)


def test_a_cancelled_teardown_leaves_its_note_to_the_next_which_spares_what_was_led_elsewhere(
    active, names, people
):
    first = ask_teardown(people, active)
    drive(first, until=lambda row: row.steps.filter(key="delete-app", status="waiting").exists())
    operation_cancel(operation_id=first.pk, actor=people["team-lead"])
    assert drive(first).status == "cancelled", first.sentence
    ((own, value),) = names.proofs().items()
    names.change("UPSERT", own, ELSEWHERE)
    second = drive(ask_teardown(people, active))
    assert second.status == "failed" and left_records() == [f"{own} CNAME"]
    assert "another account" in TeardownReport.objects.get().left_over[0]["remedy"]
    names.change("UPSERT", own, value)
    operation_retry(operation_id=second.pk, actor=people["team-lead"])
    assert drive(second).status == "succeeded", second.sentence
    assert names.proofs() == {}


def test_the_record_of_a_certificate_that_was_rolled_back_is_told(ask, people, sandbox, keys):
    """Its certificate went before anybody noted what proved it: whose the record is, a person decides."""
    sandbox.fault(
        "failing-type",
        type="AWS::ElasticBeanstalk::Environment",
        action="create",
        account=ACCOUNT_ID,
        message="No.",
    )
    assert drive(ask()).status == "failed"
    sandbox.lift_faults()
    environment = Environment.objects.get()
    names = Names(sandbox, keys, environment)
    ((own, value),) = names.proofs().items()
    operation = drive(ask_teardown(people, environment))
    assert operation.status == "failed" and left_records() == [f"{own} CNAME"]
    names.change("DELETE", own, value)
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence
