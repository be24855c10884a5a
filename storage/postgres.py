"""PostgreSQL by asyncpg: the same functions of a connection, run on the event loop."""

import asyncio
from contextlib import AbstractAsyncContextManager

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from storage.connections import Work
from storage.failures import FAILURES, told

CONNECT_SECONDS = 5
READERS = 4


class PostgresConnections:
    """Transactions on one PostgreSQL database."""

    kind = "postgresql"

    def __init__(self, url: URL, busy_ms: int) -> None:
        """Prepare; the server is called by the first transaction."""
        from asyncpg import InterfaceError, PostgresError

        self.place = f"{url.host or 'local'}/{url.database or ''}"
        self.last_commit_ms = 0.0
        self._failures = (*FAILURES, InterfaceError, PostgresError)
        self._engine = create_async_engine(
            url,
            pool_size=READERS + 1,
            hide_parameters=True,
            connect_args={
                "timeout": CONNECT_SECONDS,
                "server_settings": {"application_name": "quarterdeck", "lock_timeout": str(busy_ms)},
            },
        )
        self._reading = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._lock = asyncio.Lock()

    async def read[T](self, work: Work[T]) -> T:
        """Run in a read transaction: one consistent picture."""
        return await self._run(self._reading.begin(), work)

    async def write[T](self, work: Work[T]) -> T:
        """Run in a write transaction, one at a time; durable when this returns."""
        clock = asyncio.get_running_loop().time
        async with self._lock:
            begun = clock()
            answer = await self._run(self._engine.begin(), work)
            self.last_commit_ms = (clock() - begun) * 1000
        return answer

    async def size(self) -> int:
        """Bytes of the database."""
        return await self.read(_size)

    async def close(self) -> None:
        """Let go of the server."""
        await self._engine.dispose()

    async def _run[T](self, begun: AbstractAsyncContextManager[AsyncConnection], work: Work[T]) -> T:
        try:
            async with begun as connection:
                return await connection.run_sync(work)
        except self._failures as error:
            raise told(self.place, error) from error


def _size(connection: Connection) -> int:
    return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
