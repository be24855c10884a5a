"""Crashes around a command, on the whole house and its real database: never run twice, never lost unseen."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from crew_kit import Mouth, lines
from whole_house import BAR_MS, START_MS, market, plan_of

from bot.runtime.chat_ports import ArrivalState
from cli.wiring import House, open_house
from handlers.reply import Reply
from handlers.request import ChatKind, Request, RequestKind

NOW = START_MS + 3 * BAR_MS
FRAMES = [market([1.0 + number % 3 * 0.001 for number in range(40)])]
CONFIG = """
strategy_paths: [{home}/mine]
symbols:
  - {{symbol: XRPUSDT, strategy: metronome, leverage: 5}}
chat:
  users: {{"telegram:2": trader, "telegram:1": admin}}
"""


@asynccontextmanager
async def running(home: Path, started_at_ms: int) -> AsyncIterator["Run"]:
    """A run of the desk on the same home; `died` leaves without an end in order of the chat layer."""
    from whole_house import METRONOME, METRONOME_YAML

    folder = home / "mine" / "metronome"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "strategy.py").write_text(METRONOME)
    (folder / "default.yaml").write_text(METRONOME_YAML)
    plan = plan_of(home, FRAMES, CONFIG.format(home=home), 1)
    clock = [started_at_ms]
    plan = replace(plan, started_at_ms=started_at_ms, wall_ms=lambda: clock[0])
    async with open_house(plan) as house:
        yield Run(house, clock)


class Run:
    """One run: people on Telegram, and what they are told unasked."""

    def __init__(self, house: House, clock: list[int]) -> None:
        self.house = house
        self.clock = clock
        self.mouth = Mouth("telegram")
        house.dispatcher.speakers["telegram"] = self.mouth

    async def say(self, update: str, text: str = "", **given: object) -> Reply | None:
        """Something the platform delivers."""
        base = Request(
            "telegram", "2", "Bert", "2", ChatKind.PRIVATE, RequestKind.TEXT, self.clock[0], update, text
        )
        return await self.house.dispatcher.handle(replace(base, **given))

    async def press(self, update: str, reply: Reply, label: str) -> Reply | None:
        button = next(button for button in reply.buttons if button.label == label)
        return await self.say(update, kind=RequestKind.BUTTON, button=button.id)

    async def told(self, something: bool = True, chat: str = "2") -> Sequence[Reply]:
        """What a chat is told in the next seconds; `something` is waited for, however slow the machine is."""
        task = asyncio.create_task(self.house.front.away.run())
        async with asyncio.timeout(60):
            while something and not self.mouth.to(chat):  # noqa: ASYNC110 - it rings no bell
                await asyncio.sleep(0.01)
        await asyncio.sleep(1.3)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return self.mouth.to(chat)

    @property
    def paused(self) -> bool:
        return self.house.desk.status().paused_all

    async def effected(self) -> list[str]:
        from sqlalchemy import Connection, text

        def read(connection: Connection) -> list[str]:
            return [f"{u}:{s}" for u, s in connection.execute(text("SELECT update_id, state FROM updates"))]

        return sorted(await self.house.database._connections.read(read))


class Died(Exception):
    """The process was killed here."""


def dies_at(monkeypatch: pytest.MonkeyPatch, thing: object, name: str) -> None:
    async def die(*args: object, **kwargs: object) -> None:
        raise Died

    monkeypatch.setattr(thing, name, die)


async def test_killed_after_the_claim_it_is_listed_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, NOW) as first:
        dies_at(monkeypatch, type(first.house.front.access), "heard")
        with pytest.raises(Died):
            await first.say("u1", "/pause")
    monkeypatch.undo()
    async with running(tmp_path, NOW + 60_000) as second:
        assert not second.paused
        assert await second.say("u1", "/pause", sent_at_ms=NOW) is None, "delivered again"
        [told] = await second.told()
        assert lines(told) == ["/pause (was begun, took no effect)"]
        done = await second.press("u2", told, "Run 1")
        assert done is not None
        assert done.title == "Paused"
        assert second.paused
        assert await second.effected() == ["u1:dropped", "u2:effected"]
    async with running(tmp_path, NOW + 120_000) as third:
        assert third.paused
        assert await third.told(something=False) == []


async def test_killed_after_the_effect_it_is_neither_run_nor_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, NOW) as first:
        dies_at(monkeypatch, type(first.house.dispatcher), "_record")
        with pytest.raises(Died):
            await first.say("u1", "/pause")
        assert await first.effected() == ["u1:effected"], "in the same transaction as the pause"
    monkeypatch.undo()
    async with running(tmp_path, NOW + 60_000) as second:
        assert second.paused
        steps = second.house.loop.number
        assert await second.say("u1", "/pause", sent_at_ms=NOW) is None
        assert second.house.loop.number == steps, "nothing was run again"
        assert await second.told(something=False) == []


async def test_killed_between_run_and_effect_the_press_is_listed_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, NOW) as first:
        await first.say("u1", "/pause", sent_at_ms=NOW - 60_000)
        [told] = await first.told()
        dies_at(monkeypatch, type(first.house.dispatcher), "_act")
        with pytest.raises(Died):
            await first.press("u2", told, "Run 1")
    monkeypatch.undo()
    async with running(tmp_path, NOW + 60_000) as second:
        assert not second.paused
        [again] = await second.told()
        assert lines(again) == ["/pause (was begun, took no effect)"]
        assert await second.effected() == ["u1:dropped", "u2:taken"]
        await second.press("u3", again, "Run 1")
        assert second.paused


async def test_six_hours_off_then_a_panic_that_waited(tmp_path: Path) -> None:
    """F83: queued while off; offered first, run only on request, with its own question, once."""
    six_hours = 6 * 3_600_000
    async with running(tmp_path, NOW) as first:
        for _ in range(4):
            await first.house.step()
        assert first.house.desk.status().positions
        assert (await first.say("u1", "/start_trading")) is not None
    async with running(tmp_path, NOW + six_hours) as second:
        for number, line in enumerate(("/start_trading", "/status", "/panic_close")):
            assert await second.say(f"v{number}", line, sent_at_ms=NOW + number * 60_000) is None
        [told] = await second.told()
        assert lines(told) == ["/panic_close", "/start_trading", "/status"]
        assert second.house.desk.status().positions, "nothing was run"
        card = await second.press("w1", told, "Run 1")
        assert card is not None
        assert [button.label for button in card.buttons][:2] == ["Confirm", "Cancel"]
        assert second.house.desk.status().positions


async def test_a_state_that_is_kept_is_one_of_those_there_are(tmp_path: Path) -> None:
    async with running(tmp_path, NOW) as first:
        await first.say("u1", "/status")
        await first.say("u2", "/nosuch")
        await first.say("u3", "/pause", sent_at_ms=NOW - 10_000_000)
        await first.say("u4", "/set_risk 7")
        await first.say("u5", "/start_trading", user_id="666")
        found = dict(one.split(":") for one in await first.effected())
    assert found == {"u1": "ended", "u2": "ended", "u3": "parked", "u4": "ended"}
    assert set(found.values()) <= {state.value for state in ArrivalState}
