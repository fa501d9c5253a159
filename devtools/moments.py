"""Moments of a run of tests that are dear to come to, and are gone back to by later tests."""

from collections.abc import Callable
from dataclasses import dataclass, field

from devtools.sandbox import Sandbox
from devtools.scratch import Rows, ScratchDatabase


@dataclass
class Moments:
    """What the test database and the local AWS held together, by name."""

    sandbox: Sandbox
    database: ScratchDatabase
    _rows: dict[str, Rows] = field(default_factory=dict)

    def once(self, name: str, come_to: Callable[[], object]) -> None:
        """Come to the moment by calling `come_to`, the first time in this process; go back to it later.

        Nothing may be under way then, for operations, queues and processes go back with it or are ended. The database
        holds what it held then and nothing else; its numbers (sequences) go on. See sandbox/snapshots.py for AWS.
        """
        if name in self._rows:
            self.sandbox.put_back(name)
            self.database.put_back(self._rows[name])
        else:
            come_to()
            # In this order: what an observer takes from a queue meanwhile is met twice rather than never.
            self.sandbox.keep(name)
            self._rows[name] = self.database.rows()
