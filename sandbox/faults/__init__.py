"""Faults that a test or a drill plants: at the front door, in the time that resources take, in health, in copies.

They are set by `POST /_sandbox/faults`, at once or on a schedule, and survive the process with all that they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.errors import AwsError
from sandbox.faults.kinds import KINDS, BadFault, Kind, checked, register
from sandbox.faults.planted import FILTERS, TYPE, Fault, fits
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.world import World

__all__ = ("FILTERS", "KINDS", "BadFault", "Fault", "Faults", "Kind", "at_begin", "register")

STREAM = "sandbox/faults"
OWNER = "sandbox"
TOUCHES_LOGGED = 1000
"""Of one fault; the request log goes on telling which fault struck a call, and `touched` counts them all."""
LONGEST_SCRIPT = 500
BEGINNERS: dict[str, list[Callable[[World, Fault], None]]] = {}
Hook = TypeVar("Hook", bound=Callable[..., None])
Rows = list[dict[str, Any]]
Names = list[str]
Planted = list[Fault]


def at_begin(kind: str) -> Callable[[Hook], Hook]:
    """Enter a function that is called with World and Fault when a fault of the kind begins."""

    def enter(function: Hook) -> Hook:
        BEGINNERS.setdefault(kind, []).append(function)
        return function

    return enter


class Faults:
    """All planted faults, and the log of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._faults: dict[str, Fault] = {}
        self._scripts = self._count = 0
        for record in sorted(world.store.list(OWNER, GLOBAL, TYPE), key=lambda r: int(r.id.split("-")[1])):
            self._hold(record)
        for entry in world.store.log(STREAM):
            self._count = max(self._count, int(entry["fault"].split("-")[1]))
            self._scripts = max(self._scripts, int((entry.get("script") or "script-0").split("-")[1]))

    def _hold(self, record: Record) -> Fault:
        fault = Fault(record, float(record.data["body"].get("burst", 1.0)), self._world.scheduler.now())
        self._faults[record.id] = fault
        return fault

    # -- setting and ending

    def add(self, body: Any) -> Fault:
        """Plant one fault. Raises BadFault."""
        return self._plant(checked(body), None)

    def add_script(self, bodies: Any, name: str = "") -> tuple[str, Names]:
        """Plant several, all or none; the script's id and the faults' ids. Raises BadFault."""
        if not isinstance(bodies, list) or not 0 < len(bodies) <= LONGEST_SCRIPT:
            raise BadFault({"faults": f"faults must be a list of 1 to {LONGEST_SCRIPT} faults."})
        wrong: dict[str, str] = {}
        kept = []
        for n, body in enumerate(bodies):
            try:
                kept.append(checked(body, f"faults[{n}]."))
            except BadFault as problem:
                wrong |= problem.fields
        if wrong:
            raise BadFault(wrong)
        self._scripts += 1
        id = f"script-{self._scripts}"
        return id, [self._plant(body, id, name).id for body in kept]

    def _plant(self, body: dict[str, Any], script: str | None, name: str = "") -> Fault:
        self._count += 1
        begins = self._world.scheduler.now() + float(body.get("after_s", 0))
        data = {
            "body": body,
            "left": body.get("count"),
            "begins_at": begins,
            "ends_at": begins + float(body["for_s"]) if "for_s" in body else None,
            "script": script,
            "touched": 0,
        }
        record = Record(OWNER, GLOBAL, TYPE, f"fault-{self._count}", state="scheduled", data=data)
        self._world.store.put(record)
        fault = self._hold(record)
        self._tell("set", fault, body=body, **({"name": name} if name else {}))
        if body.get("after_s"):
            self._at(begins, fault, self._begin)
        else:
            self._begin(fault)
        return fault

    def start(self) -> None:
        """After a restart: what is scheduled, and the ends of what is active."""
        for fault in self._faults.values():
            if not fault.active:
                self._at(float(fault.record.data["begins_at"]), fault, self._begin)
            elif fault.record.data["ends_at"] is not None:
                self._at(float(fault.record.data["ends_at"]), fault, self._over)

    def _at(self, when: float, fault: Fault, call: Callable[[Fault], None]) -> None:
        def due() -> None:
            if self._faults.get(fault.id) is fault:
                call(fault)

        self._world.scheduler.at(when, due)

    def _begin(self, fault: Fault) -> None:
        fault.record.state = "active"
        self._world.store.put(fault.record)
        self._tell("begun", fault)
        if fault.record.data["ends_at"] is not None:
            self._at(float(fault.record.data["ends_at"]), fault, self._over)
        for hook in BEGINNERS.get(fault.kind, ()):
            hook(self._world, fault)

    def _over(self, fault: Fault) -> None:
        self._end(fault, "its time was over")

    def _end(self, fault: Fault, why: str) -> None:
        if self._faults.pop(fault.id, None) is not None:
            self._world.store.remove(fault.record)
            self._tell("ended" if fault.active else "cancelled", fault, why=why)

    def remove(self, id: str) -> bool:
        """End a fault, or cancel it; False if there is none."""
        fault = self._faults.get(id)
        if fault is not None:
            self._end(fault, "it was lifted")
        return fault is not None

    def remove_script(self, id: str) -> Names:
        """End or cancel what is left of a script; the faults' ids."""
        left = [f for f in self._faults.values() if f.record.data["script"] == id]
        for fault in left:
            self._end(fault, "its script was lifted")
        return [f.id for f in left]

    def scripts(self) -> Rows:
        """Scripts of which something is scheduled or active: {"id", "faults"}."""
        rows: dict[str, dict[str, Any]] = {}
        for fault in self._faults.values():
            id = fault.record.data["script"]
            if id:
                rows.setdefault(id, {"id": id, "faults": []})["faults"].append(fault.shape())
        return list(rows.values())

    def clear(self) -> None:
        """End and cancel all."""
        for id in list(self._faults):
            self.remove(id)

    def forget(self) -> None:
        """After a reset of the store: no fault, no log; numbers go on."""
        self._faults.clear()

    # -- looking

    def list(self) -> Rows:
        return [f.shape() for f in self._faults.values()]

    def get(self, id: str) -> dict[str, Any] | None:
        fault = self._faults.get(id)
        return fault.shape() if fault is not None else None

    def active(self, kind: str, facts: dict[str, str]) -> Planted:
        """The faults of a kind that are active for account, region, service, operation."""
        return [f for f in self._faults.values() if f.active and f.kind == kind and f.matches(facts)]

    def log(
        self, after: int = 0, limit: int = 1000, fault: str | None = None, last: int | None = None
    ) -> Rows:
        """What happened, oldest first: {"n", "at", "event", "fault", "kind", …}. last: only so many, the newest.

        event: set, begun, touched (with what was), ended (with why), cancelled.
        """
        if last is not None:
            return self._world.store.log(STREAM)[-max(1, last) :]
        rows = self._world.store.log(STREAM)[max(0, after) :]
        return [row for row in rows if fault in (None, row["fault"])][:limit]

    # -- striking

    def strike(self, facts: dict[str, str]) -> Fault | None:
        """The fault that this request meets at the front door, if any; counts it."""
        for fault in list(self._faults.values()):
            kind = KINDS.get(fault.kind)
            if kind is None or not kind.at_door or not fault.active or not fault.matches(facts):
                continue
            if fault.kind == "throttle" and fault.within_rate(self._world.scheduler.now()):
                continue
            return self.touch(fault, **facts)
        return None

    def failing_type(self, facts: dict[str, str], type_name: str, action: str) -> None:
        """Raise the AwsError with which CloudFormation's call of a type's handler fails, if one is planted."""
        for fault in self.active("failing-type", facts):
            if fault.body["type"] == type_name and fault.body.get("action", "create") == action:
                self.touch(fault, **facts, type=type_name, action=action)
                said = fault.body.get("message") or f"The sandbox was told that {action} of {type_name} fails"
                raise AwsError("GeneralServiceException", str(said), 500, fault=fault.id)

    def slowed(self, record: Record, action: str, wait_s: float) -> float:
        """How long an action on a resource takes, which would take wait_s."""
        for fault in self.active("slow", {"account": record.account, "region": record.region}):
            body = fault.body
            if fits(body.get("action"), action) and _covers(body, record):
                wait_s = wait_s * float(body.get("factor", 1)) + float(body.get("seconds", 0))
                told = {"account": record.account, "region": record.region, "stack": record.stack}
                self.touch(fault, **told, type=record.type, action=action, resource=record.id)
        return wait_s

    def lag_s(self, service: str, *places: tuple[str, str]) -> float:
        """Seconds that copies between these places (account, region) are behind at least; 0 without a fault."""
        now = self._world.scheduler.now()
        found = [
            fault.lag_s(now)
            for account, region in places
            for fault in self.active("lag", {"account": account, "region": region, "service": service})
        ]
        return max(found, default=0.0)

    def frozen(self, service: str, place: tuple[str, str], key: str, look: Callable[[], Any]) -> Any:
        """What `look` finds (JSON), or, while health is frozen, what it found when that began."""
        for fault in self.active(
            "frozen-health", {"account": place[0], "region": place[1], "service": service}
        ):
            held = fault.record.data.setdefault("held", {})
            name = " ".join((service, *place, key))
            if name not in held:
                held[name] = look()
                self.touch(fault, account=place[0], region=place[1], service=service, resource=key)
            return held[name]
        return look()

    def note(self, fault: Fault, **what: Any) -> None:
        """Log that a fault struck, without using its count up."""
        fault.record.data["touched"] += 1
        if fault.record.data["touched"] <= TOUCHES_LOGGED:
            self._tell("touched", fault, **what)
        self._world.store.put(fault.record)

    def touch(self, fault: Fault, **what: Any) -> Fault:
        """Log that a fault struck; it ends when it has done so as often as it should."""
        self.note(fault, **what)
        data = fault.record.data
        if data["left"] is not None:
            data["left"] -= 1
            if data["left"] == 0:
                self._end(fault, "it has struck as often as it should")
        return fault

    def _tell(self, event: str, fault: Fault, **more: Any) -> None:
        number = len(self._world.store.log(STREAM)) + 1
        entry = {"n": number, "at": self._world.scheduler.now(), "event": event, "fault": fault.id}
        script = fault.record.data["script"]
        self._world.store.append(
            STREAM, {**entry, "kind": fault.kind, **({"script": script} if script else {}), **more}
        )


def _covers(body: dict[str, Any], record: Record) -> bool:
    if not fnmatchcase(record.type, body.get("type", "*")):
        return False
    stack = body.get("stack")
    if stack is None:
        return True
    arn = record.stack or ""
    name = arn.split("/")[1] if "/" in arn else ""
    return bool(arn) and (arn == stack or fnmatchcase(name, stack))
