"""PostgreSQL and Valkey together: what the portal needs to run, wherever it runs on one machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from devtools import processes
from devtools.postgres import DATABASE, OWNER, Postgres
from devtools.valkey import Valkey


@dataclass
class Servers:
    """A pair that lives in one folder and is started and stopped together."""

    postgres: Postgres
    valkey: Valkey

    @classmethod
    def at(
        cls,
        home: Path,
        *,
        durable: bool,
        postgres_port: int | None = None,
        valkey_port: int | None = None,
    ) -> Self:
        """The pair of `home`, on the given or free ports; not started yet."""
        return cls(
            postgres=Postgres(home=home, port=postgres_port or processes.free_port(), durable=durable),
            valkey=Valkey(home=home, port=valkey_port or processes.free_port(), durable=durable),
        )

    def start(self) -> None:
        """Start both; neither is left running when one fails."""
        try:
            self.valkey.start()
            self.postgres.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both."""
        self.postgres.stop()
        self.valkey.stop()

    def environment(self, database: str = DATABASE, broker_database: int = 0) -> dict[str, str]:
        """The portal's variables that name them. Web and workers must not get DATABASE_OWNER_URL."""
        return {
            "DATABASE_URL": self.postgres.url(database=database),
            "DATABASE_OWNER_URL": self.postgres.url(OWNER, database),
            "BROKER_URL": self.valkey.url(broker_database),
        }
