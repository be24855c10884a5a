"""`quarterdeck watchdog`: a real process against a strict Telegram on loopback, and its judgement by itself."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.runtime.heartbeat import HEARTBEAT_FILE, mark_stopped, write_whole
from cli.watchdog import Mind
from cli.watched import Sight, look_at
from sandbox.chat.telegram import TelegramSandbox

NOW = 1_700_000_000_000
WELL: dict[str, Any] = {
    "account": "paper:demo:main",
    "engine": True,
    "storage_ok": True,
    "link_down_s": 0,
    "uncovered_s": 0,
    "uncovered": [],
    "positions": 2,
}


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def beat(home: Path, ago_s: float = -600, **given: Any) -> None:
    """A heartbeat; it stays fresh for ten minutes unless told: the machine may be slow."""
    figures = {**WELL, **given, "written_at_ms": wall_ms() - int(ago_s * 1000)}
    write_whole(home / HEARTBEAT_FILE, json.dumps(figures))


class Dog:
    """The watchdog as a process of its own."""

    def __init__(
        self, home: Path, telegram: TelegramSandbox | None, chats: str = "[2]", token: str = ""
    ) -> None:
        address = telegram.base_url.removesuffix("/bot") if telegram else ""
        (home / "config.yaml").write_text(
            f"chat: {{telegram: {{api_url: '{address}'}}}}\n"
            f"watchdog: {{chats: {chats}, stale_s: 30, repeat_minutes: 60}}\n"
        )
        self.home = home
        self.environ = {**os.environ, "QUARTERDECK_HOME": str(home)}
        if telegram:
            self.environ["WATCHDOG_TOKEN"] = token or telegram.token

    async def begin(self, *words: str) -> asyncio.subprocess.Process:
        command = (
            sys.executable,
            "-m",
            "cli.main",
            "watchdog",
            "--config",
            str(self.home / "config.yaml"),
            *words,
        )
        return await asyncio.create_subprocess_exec(
*command,
            env=self.environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def ends(self, *words: str) -> tuple[int, str, str]:
        process = await self.begin(*words)
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


@asynccontextmanager
async def telegram_with_ann() -> AsyncIterator[TelegramSandbox]:
    async with TelegramSandbox(wall_ms) as telegram:
        telegram.people.person(2, "Ann", "ann").starts()
        yield telegram


async def until_said(telegram: TelegramSandbox, text: str) -> None:
    async with asyncio.timeout(60):
        while not any(text in one for one in said(telegram)):  # noqa: ASYNC110 (another process says it)
            await asyncio.sleep(0.02)


def said(telegram: TelegramSandbox) -> list[str]:
    return [
        str(call.payload.get("text", "")) for call in telegram.calls.of("sendMessage") if call.status == 200
    ]


async def test_it_alarms_when_the_heartbeat_stops_and_says_when_all_is_well_again(tmp_path: Path) -> None:
    async with telegram_with_ann() as telegram:
        beat(tmp_path)
        process = await Dog(tmp_path, telegram).begin()
        await until_said(telegram, "The watchdog watches paper:demo:main: it is well.")
        beat(tmp_path, ago_s=60)
        await until_said(telegram, "ALARM: paper:demo:main: no heartbeat for ")
        assert "2 open positions when last heard" in said(telegram)[-1]
        beat(tmp_path, uncovered=["XRPUSDT"], uncovered_s=40)
        await until_said(telegram, "ALARM: paper:demo:main: without a stop for 40 s: XRPUSDT.")
        beat(tmp_path)
        await until_said(telegram, "WELL AGAIN after 1 min: paper:demo:main")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert said(telegram)[-1] == "The watchdog was told to stop: nobody watches paper:demo:main now."
        assert (process.returncode, err) == (0, b"")
        assert len(out.decode().splitlines()) == len(said(telegram)) == 5


async def test_what_cannot_be_said_during_an_outage_is_said_after_it(tmp_path: Path) -> None:
    async with telegram_with_ann() as telegram:
        beat(tmp_path)
        process = await Dog(tmp_path, telegram).begin()
        await until_said(telegram, "it is well")
        telegram.troubles.down()
        beat(tmp_path, ago_s=60)
        await asyncio.sleep(3)
        telegram.troubles.up()
        await until_said(telegram, "ALARM: paper:demo:main: no heartbeat")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await process.communicate()
        assert process.returncode == 0


async def test_a_wrong_token_and_a_wrong_chat_are_one_clear_line(tmp_path: Path) -> None:
    async with telegram_with_ann() as telegram:
        beat(tmp_path)
        wrong = "123456:another-token-of-nobody"
        code, out, err = await Dog(tmp_path, telegram, token=wrong).ends()
        assert (code, out, err) == (2, "", "WATCHDOG_TOKEN: Telegram refuses it\n")
        code, out, err = await Dog(tmp_path, telegram, chats="[77]").ends()
        assert (code, out) == (2, "")
        assert err.splitlines()[-1] == (
            "watchdog.chats: Telegram knows no chat 77 for this bot: write to it there first"
        )


async def test_without_token_or_chats_it_says_what_is_missing(tmp_path: Path) -> None:
    code, _, err = await Dog(tmp_path, None).ends()
    assert (code, err) == (2, "watchdog: WATCHDOG_TOKEN is not set; a second bot's token, from @BotFather\n")
    async with telegram_with_ann() as telegram:
        code, _, err = await Dog(tmp_path, telegram, chats="[]").ends()
        assert (code, err) == (2, "watchdog.chats: no chat to tell; list of Telegram chat ids\n")


async def test_once_is_an_exit_code_and_needs_no_token(tmp_path: Path) -> None:
    dog = Dog(tmp_path, None)
    assert (await dog.ends("--once"))[0] == 1
    beat(tmp_path)
    code, out, _ = await dog.ends("--once", "--json")
    assert code == 0
    assert json.loads(out)["well"] is True
    beat(tmp_path, storage_ok=False)
    code, out, _ = await dog.ends("--once", "--json")
    assert code == 1
    assert json.loads(out)["troubles"] == ["its database cannot be written: no new entries"]
    mark_stopped(tmp_path, wall_ms())
    code, out, _ = await dog.ends("--once")
    assert (code, "it was stopped in order" in out) == (1, True)


def test_it_knows_nothing_of_the_desk() -> None:
    rooms = ("bot.engine", "bot.venues", "storage", "handlers.dispatch")
    code = f"import sys, cli.watchdog; print([m for m in sys.modules if m.startswith({rooms})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "given,kinds",
    [
        ({}, []),
        ({"link_down_s": 300}, []),
        ({"link_down_s": 301}, ["link"]),
        ({"uncovered_s": 15, "uncovered": ["A"]}, []),
        ({"uncovered_s": 16, "uncovered": ["A"]}, ["uncovered"]),
        ({"storage_ok": False, "engine": False}, ["engine", "storage"]),
        ({"written_at_ms": NOW - 61_000}, ["stale"]),
        ({"written_at_ms": NOW - 60_000}, []),
        ({"written_at_ms": "soon"}, ["none"]),
        ({"stopped": True}, ["stopped"]),
    ],
)
def test_what_is_trouble(given: dict[str, Any], kinds: list[str]) -> None:
    sight = look_at({**WELL, "written_at_ms": NOW, **given}, NOW, 60, "main")
    assert sorted(sight.kinds) == kinds


def stale(age_s: int = 60) -> Sight:
    return Sight("desk", age_s, {"stale": f"no heartbeat for {age_s} s"})


class Watching:
    """A mind that looks every two seconds."""

    def __init__(self) -> None:
        self.mind = Mind(repeat_ms=600_000, patience_ms=60_000)
        self.now_ms = NOW
        self.said: list[str] = []

    def looks(self, sight: Sight, seconds: int = 2) -> list[str]:
        """Looks for so long; what was said meanwhile."""
        heard = []
        for _ in range(seconds // 2):
            self.now_ms += 2_000
            heard += [words] if (words := self.mind.words(sight, self.now_ms)) else []
        return heard


def test_it_says_a_trouble_once_and_again_every_ten_minutes() -> None:
    watching = Watching()
    assert watching.looks(Sight("desk", 1, {}), 60) == []
    assert [words.split(":")[0] for words in watching.looks(stale(), 1300)] == ["ALARM", "STILL", "STILL"]
    assert watching.looks(Sight("desk", 1, {}), 60) == ["WELL AGAIN after 21 min: desk"]


def test_a_desk_that_was_stopped_in_order_is_told_once() -> None:
    sight = Sight("desk", 1, {"stopped": "it was stopped in order"}, stopped=True)
    assert Watching().looks(sight, 4000) == ["STOPPED: desk: it was stopped in order."]


def test_after_the_machine_slept_the_desk_gets_time_for_its_next_heartbeat() -> None:
    watching = Watching()
    watching.looks(Sight("desk", 1, {}), 10)
    watching.now_ms += 3_600_000
    assert watching.looks(stale(3600), 50) == []
    assert len(watching.looks(stale(3700), 20)) == 1
