"""Provision, end to end in this process: the real blueprint, the sandbox over HTTP, real PostgreSQL and Valkey."""

import pytest

from environments.lifecycle.models import Environment
from environments.operations.models import Resource, Stack
from tests.workers.support import drive

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_request_becomes_a_running_environment(ask):
    operation = drive(ask())
    assert operation.status == "succeeded", operation.sentence
    environment = Environment.objects.get()
    assert environment.status == "active"
    assert environment.addresses["Address"].startswith(f"https://{environment.name}.")
    assert list(operation.steps.values_list("status", flat=True).distinct()) == ["succeeded"]
    stacks = Stack.objects.filter(subject_id=environment.pk).exclude(key__contains="-eu")
    assert {stack.status for stack in stacks} == {"CREATE_COMPLETE"} and stacks.count() == 5
