"""How the repositories reach the database: they hand over plain functions of a connection, and get values back.

Written this way each question is one short synchronous function, one and the same for both databases; whoever owns
the connections decides on which thread or loop it runs, and in which transaction.
"""

from collections.abc import Callable
from typing import Protocol

from sqlalchemy import Connection

type Work[T] = Callable[[Connection], T]


class Connections(Protocol):
    """Transactions on one database. Failures come out as StorageError; a failed transaction leaves nothing behind."""

    kind: str
    place: str
    last_commit_ms: float

    async def read[T](self, work: Work[T]) -> T:
        """Run in a read transaction: one consistent picture."""
        ...

    async def write[T](self, work: Work[T]) -> T:
        """Run in a write transaction, one at a time; durable when this returns."""
        ...

    async def size(self) -> int:
        """Bytes on disk."""
        ...

    async def close(self) -> None:
        """Let go of the database."""
        ...
