"""Named points at which a test may let this very process die, as a power cut would.

SWITCHYARD_FAULT="provision.network.cloudformation.CreateStack.after" kills the process with SIGKILL when it
passes that point, once: the file named by SWITCHYARD_FAULT_DONE is made first, and a process that finds it
lives on. SWITCHYARD_FAULT_TRACE names a file to which each point passed is appended: from such a trace of one
good run the matrix of faults is made.
"""

import os
import signal
from pathlib import Path

FAULT = "SWITCHYARD_FAULT"
DONE = "SWITCHYARD_FAULT_DONE"
TRACE = "SWITCHYARD_FAULT_TRACE"


def fault_point(name: str) -> None:
    """Pass a named point: kind.step.service.Operation.before|after. Does nothing outside tests."""
    trace = os.environ.get(TRACE)
    if trace:
        with open(trace, "a", encoding="utf-8") as file:
            file.write(name + "\n")
    if os.environ.get(FAULT) != name:
        return
    try:
        Path(os.environ[DONE]).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
