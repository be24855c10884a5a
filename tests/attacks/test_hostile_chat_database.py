"""The database is taken away under a running desk: what people then ask is answered in words, never with a fault."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "chat"))
from test_away_house import NOW, Run, running

from bot.domain.errors import StorageError


def rob(home: Path) -> None:
    """Somebody deletes the database's files."""
    for file in home.glob("quarterdeck.db*"):
        file.unlink()


@asynccontextmanager
async def robbed(home: Path) -> AsyncIterator[Run]:
    """A run whose end names what could not be saved."""
    unsaved = pytest.raises(StorageError, match="could not be saved")
    with unsaved:
        async with running(home, NOW) as run:
            yield run


async def asked(run: Run, number: int, line: str) -> tuple[str, str]:
    reply = await run.say(f"u{number}", line)
    assert reply is not None, line
    return reply.title, " ".join([reply.text, *(f"{name}: {value}" for name, value in reply.fields)])


async def test_health_says_that_the_database_is_gone(tmp_path: Path) -> None:
    async with robbed(tmp_path) as run:
        assert "last commit" in (await asked(run, 1, "/health"))[1]
        rob(tmp_path)
        title, words = await asked(run, 2, "/health")
        assert title == "Health · LOOK HERE"
        assert "Database: NOT THERE: " in words
        assert "deleted or replaced" in words
        assert (await asked(run, 3, "/version"))[0].startswith("Quarterdeck")


@pytest.mark.parametrize("line", ["/trades", "/stats", "/audit", "/export trades"])
async def test_what_needs_the_books_says_so(tmp_path: Path, line: str) -> None:
    async with robbed(tmp_path) as run:
        rob(tmp_path)
        ann = {"user_id": "1", "user_name": "Ann", "chat_id": "1"}
        reply = await run.say("u1", line, **ann)
        assert reply is not None
        assert not reply.ok
        assert "Internal fault" not in reply.title
        assert "database" in f"{reply.title} {reply.text}"


async def test_a_panic_works_all_the_same(tmp_path: Path) -> None:
    async with robbed(tmp_path) as run:
        rob(tmp_path)
        title, _ = await asked(run, 1, "/panic_close now")
        assert "fault" not in title
        assert run.house.desk.status().trading.name == "STOPPED"
