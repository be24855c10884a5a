"""What the command line says when something is not there: one clear line that leads somewhere."""

import sqlite3
import threading
from pathlib import Path

import pytest

from bot.domain.errors import ConfigError, StorageError
from cli.checking import check_config
from cli.replay import run_replay
from storage.database import open_database


def config(home: Path, text: str) -> Path:
    path = home / "config.yaml"
    path.write_text(text)
    return path


async def journal_of(home: Path, *accounts: str) -> None:
    from bot.domain.event import TimerDue
    from bot.runtime.ports import Step

    database = await open_database(f"sqlite:///{home / 'quarterdeck.db'}")
    for account in accounts:
        await database.ledger(account).commit([Step(1, TimerDue(1, "x"), ())])
    await database.close()


def test_replay_names_the_accounts_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import asyncio

    with pytest.raises(ConfigError, match="holds no journal"):
        run_replay(tmp_path, None, "nobody", 1, 0, False)
    asyncio.run(journal_of(tmp_path, "paper:demo:a", "paper:demo:b"))
    with pytest.raises(
        ConfigError, match=r"--account nobody: no journal of that; there are paper:demo:a, paper:demo:b"
    ):
        run_replay(tmp_path, None, "nobody", 1, 0, False)
    assert run_replay(tmp_path, None, "paper:demo:a", 5, 9, False) == 1
    assert capsys.readouterr().out == "the journal of paper:demo:a has no lines there: nothing was replayed\n"


async def test_a_missing_table_is_not_answered_with_an_upgrade(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'q.db'}")
    await database.close()
    with sqlite3.connect(tmp_path / "q.db") as plain:
        plain.execute("DROP TABLE outbox_cursors")
    database = await open_database(f"sqlite:///{tmp_path / 'q.db'}")
    with pytest.raises(StorageError, match=r"missing or not as they were; restore a backup, or move it away"):
        await database.outbox("a").waiting("console", 5)
    await database.close()


async def test_a_question_mark_in_a_files_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="without question mark"):
        await open_database(f"sqlite:///{tmp_path}/what?.db")


def test_check_knows_the_symbols_of_the_generated_market(tmp_path: Path) -> None:
    good = config(tmp_path, "mode: demo\nsymbols: [{symbol: BTCUSDT, strategy: composite}]\n")
    assert check_config(tmp_path, good) == 0
    bad = config(tmp_path, "mode: demo\nsymbols: [{symbol: NOSUCHUSDT, strategy: composite}]\n")
    with pytest.raises(ConfigError, match="NOSUCHUSDT"):
        check_config(tmp_path, bad)


def somebody_writes(home: Path, seconds: float) -> None:
    """Another program holds the database for a while."""
    (file,) = home.glob("*.db")
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(seconds, other.close).start()


async def test_a_script_outlasts_a_lock(tmp_path: Path) -> None:
    """Somebody writes for three seconds; the bar that met the lock is lived again."""
    from whole_house import market, whole_house

    from cli.headless import Script

    async with whole_house(tmp_path, [market([0.6012] * 6)]) as desk:
        somebody_writes(tmp_path, 3.0)
        script = Script(desk.house, (), (), confirm=False, as_json=True)
        assert await script.run(3)
        assert script._bars == 3


@pytest.mark.parametrize(
    "chat, line",
    [
        ("chat: {two_person: [reset_kil]}", "chat.two_person: no such command: reset_kil"),
        ("chat: {two_person: [panic_close]}", "chat.two_person: /panic_close lowers the risk"),
        ('chat: {routes: {"telegram:-1/7": nobody}}', "nobody is not run here; allowed: main"),
        ('notices: {on_call: ["telegram:9"]}', "telegram:9 is not among chat.users"),
        ('chat: {users: {"telegram:1": admin}, persons: {ann: ["discord:2"]}}', "discord:2"),
        ("desks: [nowhere-at-all]", "no config.yaml of its own"),
    ],
)
def test_slips_of_the_chat_are_found_before_the_start(tmp_path: Path, chat: str, line: str) -> None:
    """Names of commands, accounts and people that are nobody's: one line, from `check` already."""
    path = tmp_path / "config.yaml"
    path.write_text(f"mode: demo\nvenue: {{name: paper}}\n{chat}\n".replace("nowhere", str(tmp_path / "no")))
    with pytest.raises(ConfigError, match=line):
        check_config(tmp_path, path)
