"""What the demo says while it starts: one line per thing that is done, with the seconds since the start."""

import sys
import time
from dataclasses import dataclass, field


@dataclass
class Story:
    """Prints lines; on a terminal, the last of them may be rewritten while something goes on."""

    begun: float = field(default_factory=time.monotonic)
    _unfinished: bool = False

    def done(self, sentence: str) -> None:
        """Something is done."""
        self._clear()
        print(f"{time.monotonic() - self.begun:6.1f} s  {sentence}", flush=True)

    def goes_on(self, sentence: str) -> None:
        """Something goes on; shown on terminals only, so that a log holds no half lines."""
        if sys.stdout.isatty():
            self._clear()
            print(f"{time.monotonic() - self.begun:6.1f} s  … {sentence}"[:110], end="", flush=True)
            self._unfinished = True

    def say(self, text: str = "") -> None:
        """Text without a time."""
        self._clear()
        print(text, flush=True)

    def _clear(self) -> None:
        if self._unfinished:
            print("\r\033[K", end="")
            self._unfinished = False
