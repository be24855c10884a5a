"""Databases for the storage tests: real SQLite files, or PostgreSQL where QUARTERDECK_TEST_DATABASE_URL names one."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bot.domain.action import Action
from bot.domain.event import Event, TimerDue
from bot.domain.market import Candle
from bot.runtime.ports import Step
from storage.database import Database, open_database, upgrade

SERVER = os.environ.get("QUARTERDECK_TEST_DATABASE_URL", "")
ACCOUNT, OTHER = "binance:paper:main", "binance:live:main"
NOW = 1_700_000_000_000
BAR = 900_000

only_sqlite = pytest.mark.skipif(bool(SERVER), reason="about SQLite files")
only_postgres = pytest.mark.skipif(not SERVER, reason="wants QUARTERDECK_TEST_DATABASE_URL")
_databases = count(1)


def fresh_url(folder: Path) -> Iterator[str]:
    """A database of its own; dropped afterwards when it is the server's."""
    name = f"storage_test_{os.getpid()}_{next(_databases)}"
    if not SERVER:
        yield f"sqlite:///{folder / f'{name}.db'}"
        return
    _on_server(f"CREATE DATABASE {name}")
    yield f"{SERVER.rsplit('/', 1)[0]}/{name}"
    _on_server(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Database]:
    """A database that is closed again."""
    database = await open_database(url, **options)
    try:
        yield database
    finally:
        await database.close()


def checked(folder: Path, work: Callable[[Database], Awaitable[None]]) -> None:
    """Run an asynchronous check on a database of its own, from a synchronous hypothesis test."""

    async def check(url: str) -> None:
        async with opened(url, synchronous="NORMAL") as database:
            await work(database)

    with contextmanager(fresh_url)(folder) as url:
        if not SERVER:
            path_of(url).write_bytes(empty_file(folder.parent))
        asyncio.run(check(url))


@cache
def empty_file(folder: Path) -> bytes:
    """A SQLite file with all tables and no rows, for those who need many of them."""
    path = folder / "empty.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path.read_bytes()


def path_of(url: str) -> Path:
    """The file behind a SQLite URL."""
    return Path(url.removeprefix("sqlite:///"))


def step(number: int, *actions: Action, event: Event | None = None) -> Step:
    """A step with some actions."""
    return Step(number, event or TimerDue(NOW + number, "tick"), actions)


def candle(symbol: str = "BTCUSDT", open_at_ms: int = NOW, close: float = 1.5) -> Candle:
    """Any sound candle."""
    return Candle(symbol, open_at_ms, 1.0, 2.0, 0.5, close, 10.0)


def _on_server(statement: str) -> None:
    import asyncpg

    async def work() -> None:
        connection = await asyncpg.connect(SERVER.replace("postgresql+asyncpg", "postgresql"))
        await connection.execute(statement)
        await connection.close()

    asyncio.run(work())
