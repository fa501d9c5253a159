"""Named points at which a test may kill or freeze this very process, as a power cut or a sleeping machine would.

SWITCHYARD_FAULT_FILE names a file with lines as "provision.network.cloudformation.CreateStack.after KILL" (or STOP).
The process that passes such a point takes its line out and sends itself the signal; whoever comes later lives on.
SWITCHYARD_FAULT_TRACE names a file to which each point passed is appended: from such a trace of a good run the
matrix of faults is made.
"""

import os
import signal
from pathlib import Path

FILE = "SWITCHYARD_FAULT_FILE"
TRACE = "SWITCHYARD_FAULT_TRACE"
SIGNALS = {"KILL": signal.SIGKILL, "STOP": signal.SIGSTOP}


def fault_point(name: str) -> None:
    """Pass a named point: kind.step.service.Operation.before|after. Does nothing outside tests."""
    trace = os.environ.get(TRACE)
    if trace:
        with open(trace, "a", encoding="utf-8") as file:
            file.write(name + "\n")
    armed = os.environ.get(FILE)
    if armed:
        _meet(Path(armed), name)


def _meet(armed: Path, name: str) -> None:
    try:
        lines = armed.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    met = [line for line in lines if line.split()[0] == name]
    if not met:
        return
    draft = armed.with_suffix(f".{os.getpid()}")
    draft.write_text("\n".join(line for line in lines if line not in met), encoding="utf-8")
    draft.replace(armed)
    os.kill(os.getpid(), SIGNALS[met[0].split()[1]])
