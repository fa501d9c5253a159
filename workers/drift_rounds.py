"""Looking at environments without an operation: one account and region at a time, many environments side by side.

A round is a short task. It takes the scope's right (a row, as observers do), goes on with what is due, and is sent
again for when the next look is due. Detections run in AWS meanwhile; nobody sleeps.
Why: docs/decisions/0310-drift-in-rounds.md.
"""

import random
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from environments.lifecycle.drift import Found, drift_record
from environments.lifecycle.drift_nights import (
    drift_check_begun,
    drift_check_end,
    drift_check_wait,
    drift_checks_due,
    drift_disturbed,
    drift_in_flight,
    drift_next_due,
)
from environments.lifecycle.models import Account, DriftCheck, Environment
from environments.lifecycle.models.drift import CHECK_OPEN, CheckStatus
from environments.lifecycle.runtime import environment_runtime_record
from environments.operations.models import Operation, Pause, Stack
from environments.operations.pauses import pause_covering, subject_word
from workers.aws import drift
from workers.aws.cloudformation import DEAD, GONE
from workers.aws.faults import explain, is_expired, is_passing, is_throttling
from workers.aws.session import NoEndpoint, Session, credentials_forget
from workers.drift_reading import findings_of
from workers.models import Watch
from workers.observer import reader_session, watch_keep
from workers.runtime import live_read

log = structlog.get_logger(__name__)

BUDGET_S = 8.0
"""So long a task goes on with what is due; then it is sent again."""
BATCH = 20
"""Environments that are read together."""
ASKED_LOOK_S, LAST_LOOK_S = 0.5, 30.0
"""The first look where a person waits for it, and the longest time between two."""
PAUSED_S = 60.0
LIMIT_S = 1800.0
"""AWS says "up to several minutes" a stack; what takes longer than this has been lost."""
TRIES = 12
"""Passing faults in a row after which a check is given up."""


class RightLost(Exception):
    """Another round has the scope: what this one was about to write is not written."""


class Moved(Exception):
    """Somebody else has gone on with the check."""


def right_of(scope: str) -> str:
    """The name of the right to look for drift in a scope."""
    return f"drift:{scope}"


def drift_round(account: Account, region: str, token: uuid.UUID) -> float | None:
    """Go on with what is due; answers in how many seconds to come again, None when nothing is open any more."""
    scope = f"{account.account_id}/{region}"
    end = time.monotonic() + BUDGET_S
    round_ = Round(account, region, token)
    while time.monotonic() < end:
        if not watch_keep(right_of(scope), token):
            return None
        if pause_covering(scope) is not None:
            return PAUSED_S
        if not round_.go_on():
            break
    # Where AWS has its fill, what waits is begun when something else is through.
    is_full = drift_in_flight(scope) >= settings.DRIFT_IN_FLIGHT
    due = drift_next_due(scope, statuses=(CheckStatus.DETECTING,) if is_full else CHECK_OPEN)
    return None if due is None else max(0.0, (due - timezone.now()).total_seconds())


class Round:
    """One task's part of a scope's looks."""

    def __init__(self, account: Account, region: str, token: uuid.UUID) -> None:
        self.scope, self.token = f"{account.account_id}/{region}", token
        self.session: Session = reader_session(account, region)
        self.room = 0

    def go_on(self) -> bool:
        """One look at each check that is due, and beginnings as far as there is room; answers whether there was any."""
        self.room = settings.DRIFT_IN_FLIGHT - drift_in_flight(self.scope)
        checks = drift_checks_due(self.scope, CheckStatus.DETECTING, BATCH)
        if self.room > 0:
            checks += drift_checks_due(self.scope, CheckStatus.WAITING, BATCH)
        disturbed = drift_disturbed(checks)
        stacks, paused = _stacks_of(checks, self.session.region), _paused_of(checks)
        done = 0
        for check in checks:
            if check.status == CheckStatus.WAITING and self.room <= 0:
                break
            done += 1
            pk = check.environment_id
            try:
                if not self._try(check, stacks.get(pk, []), paused.get(pk), disturbed.get(pk)):
                    return False
            except Moved:
                continue
        return bool(done)

    def _try(
        self, check: DriftCheck, stacks: list[Stack], pause: Pause | None, disturber: Operation | None
    ) -> bool:
        """One look at one check; False when AWS is not to be asked any more for now. A fault of one check keeps no
        other from its turn, and neither does a mistake of ours.
        """
        try:
            self._move(check, stacks, pause, disturber)
        except (Moved, RightLost):
            raise
        except (BotoCoreError, ClientError, NoEndpoint) as error:
            passes = self._fault(check, error)
            if passes:
                # A throttled or dark region is so for all of them: they keep their places.
                self._put_off(check)
            return not passes
        except Exception as error:
            reference = uuid.uuid4().hex[:8]
            log.exception("drift.errored", check=check.pk, reference=reference)
            sentence = f"Switchyard made a mistake here ({type(error).__name__}, reference {reference})."
            self._end(check, CheckStatus.FAILED, sentence)
        return True

    def _move(
        self, check: DriftCheck, stacks: list[Stack], pause: Pause | None, disturber: Operation | None
    ) -> None:
        if pause is not None:
            self._end(check, CheckStatus.SKIPPED, f"Not looked at: it is paused. {pause.reason}")
        elif disturber is not None:
            went = "changes it" if disturber.ended_at is None else "changed it meanwhile"
            which = f"operation {disturber.pk} ({disturber.kind})"
            self._end(check, CheckStatus.SKIPPED, f"Not looked at: {which} {went}.")
        elif check.status == CheckStatus.WAITING:
            self._begin(check, stacks)
        else:
            self._look(check, stacks)

    def _begin(self, check: DriftCheck, stacks: list[Stack]) -> None:
        if not stacks:
            self._end(check, CheckStatus.SKIPPED, "Not looked at: it has no stacks.")
            return
        state: dict[str, Any] = {"stacks": {}}
        for stack in stacks:
            try:
                detection = drift.detection_begin(self.session, stack.stack_id)
            except drift.StackBusy as error:
                self._end(check, CheckStatus.SKIPPED, f"Not looked at: {stack.name} is busy. {error}")
                return
            except drift.StackGone:
                remedy = "Read the environment anew (Control); then Change … plans it anew."
                self._end(check, CheckStatus.FAILED, f"{stack.name} is gone: somebody deleted it. {remedy}")
                return
            state["stacks"][stack.stack_id] = {"detection": detection}
        self.room -= len(stacks)
        with self._right(check):
            sentence = f"CloudFormation looks at {len(stacks)} stacks."
            drift_check_begun(check, state, sentence=sentence, look_in_s=_first_look_s(check))

    def _look(self, check: DriftCheck, stacks: list[Stack]) -> None:
        asked: dict[str, dict[str, Any]] = check.state["stacks"]
        for row in asked.values():
            if "drifted" in row:
                continue
            now = drift.detection_look(self.session, row["detection"])
            if now.state != "IN_PROGRESS":
                row["drifted"] = now.drifted or now.state == "FAILED"
                row["unread"] = now.reason if now.state == "FAILED" else ""
        left = [row for row in asked.values() if "drifted" not in row]
        if left and check.started_at and (timezone.now() - check.started_at).total_seconds() > LIMIT_S:
            self._end(
                check, CheckStatus.FAILED, f"CloudFormation was not through after {LIMIT_S / 60:.0f} min."
            )
        elif left:
            sentence = f"CloudFormation looks: {len(asked) - len(left)} of {len(asked)} stacks done."
            look_in_s = min(LAST_LOOK_S, _first_look_s(check) * 2 ** min(check.looks, 8))
            with self._right(check):
                drift_check_wait(
                    check,
                    sentence=sentence,
                    look_in_s=look_in_s,
                    looks=check.looks + 1,
                    faults=0,
                    state=check.state,
                )
        else:
            unread = next((row["unread"] for row in asked.values() if row["unread"]), "")
            self._finish(check, stacks, asked, unread)

    def _finish(
        self, check: DriftCheck, stacks: list[Stack], asked: Mapping[str, dict[str, Any]], unread: str
    ) -> None:
        found: list[Found] = []
        for stack in stacks:
            if asked.get(stack.stack_id, {}).get("drifted"):
                found += findings_of(stack, drift.drifts_of(self.session, stack.stack_id))
        environment = check.environment
        # What runs is read where a person looks at it now; a night's look leaves that to plans.
        wanted = check.night is None and self.session.region == environment.home_region
        live = live_read(self.session, environment) if wanted else None
        with self._right(check):
            if drift_disturbed([check]):
                drift_check_end(
                    check, CheckStatus.SKIPPED, sentence="Not kept: an operation changed it meanwhile."
                )
                return
            looked = {stack.key for stack in stacks if stack.stack_id in asked}
            if unread:
                # Of what could not be read nothing is known: nothing is taken for gone.
                looked = set()
            count, new = drift_record(environment=environment, found=found, stacks=looked)
            if live is not None and not live.moving:
                environment_runtime_record(environment=environment, facts=live.facts)
            status = CheckStatus.FAILED if unread else CheckStatus.DONE
            sentence = f"CloudFormation could not read all of it: {unread}" if unread else told(count, new)
            drift_check_end(check, status, sentence=sentence, found=count, new=new)

    def _end(self, check: DriftCheck, status: str, sentence: str) -> None:
        with self._right(check):
            drift_check_end(check, status, sentence=sentence)

    def _fault(self, check: DriftCheck, error: Exception) -> bool:
        """Wait for what passes, end for what lasts; answers whether it passes."""
        expired = is_expired(error)
        if expired:
            credentials_forget()
        if not (expired or is_passing(error)) or check.faults >= TRIES:
            sentence = str(error) if isinstance(error, NoEndpoint) else explain(error)[0]  # type: ignore[arg-type]
            self._end(check, CheckStatus.FAILED, sentence)
            return False
        seconds = min(120.0, 2.0 ** min(check.faults + 1, 7)) * random.uniform(0.5, 1.5)
        what = "AWS asks for fewer calls" if is_throttling(error) else "AWS could not be reached"
        with self._right(check):
            drift_check_wait(
                check,
                sentence=f"{what}: the next try is in {seconds:.0f} s.",
                look_in_s=seconds,
                faults=check.faults + 1,
            )
        log.warning("drift.fault", check=check.pk, scope=self.scope, reason=str(error)[:300])
        return True

    def _put_off(self, check: DriftCheck) -> None:
        with self._right(check):
            DriftCheck.objects.filter(
                scope=self.scope,
                status__in=(CheckStatus.WAITING, CheckStatus.DETECTING),
                due_at__lt=check.due_at,
            ).update(due_at=check.due_at)

    @contextmanager
    def _right(self, check: DriftCheck) -> Iterator[None]:
        """A transaction under the scope's right. No AWS call inside.

        Raises RightLost, and Moved when a doubled message has brought the check further than it was read.
        """
        with transaction.atomic():
            mine = Watch.objects.select_for_update().filter(scope=right_of(self.scope), token=self.token)
            if not mine.exists():
                raise RightLost(self.scope)
            if not DriftCheck.objects.filter(pk=check.pk, status=check.status, looks=check.looks).exists():
                raise Moved(check.pk)
            yield


def _first_look_s(check: DriftCheck) -> float:
    return ASKED_LOOK_S if check.night is None else float(settings.DRIFT_FIRST_LOOK_S)


def told(count: int, new: int) -> str:
    """What a look found, in a sentence."""
    if not count:
        return "Everything is what its templates say."
    things = "1 property is" if count == 1 else f"{count} properties are"
    return f"{things} not what the templates say{f', {new} of them new' if new else ''}."


def _paused_of(checks: Sequence[DriftCheck]) -> dict[int, Pause]:
    """By environment, the pause of it alone; those of its region have stopped the round."""
    kind = ContentType.objects.get_for_model(Environment)
    words = {subject_word(kind, check.environment_id): check.environment_id for check in checks}
    return {words[pause.covers]: pause for pause in Pause.objects.filter(covers__in=words)}


def _stacks_of(checks: Sequence[DriftCheck], region: str) -> dict[int, list[Stack]]:
    """By environment, its stacks that are there in the region."""
    rows = Stack.objects.filter(
        subject_type=ContentType.objects.get_for_model(Environment),
        subject_id__in=[check.environment_id for check in checks],
        region=region,
    ).exclude(stack_id="")
    found: dict[int, list[Stack]] = {}
    for row in rows.exclude(status__in=GONE | DEAD).order_by("pk"):
        found.setdefault(row.subject_id, []).append(row)
    return found
