"""A day at the console: a person and the whole bot, line by line."""

from dataclasses import fields
from pathlib import Path

import pytest
from whole_house import market, whole_house

PRICED = {"mark_price", "notional", "unrealised", "unrealised_percent", "r"}
FALLING = [0.6000 * 0.985**i for i in range(40)]
LOOSE = """
sizing: {mode: risk_usd, value: "20"}
limits: {daily_loss_percent: "0", max_positions: 3}
"""


async def test_entry_loss_run_kill_reset_and_panic(tmp_path: Path) -> None:
    """Entry, /status, /why, /set_risk, a losing run, the kill switch, its reset, and panic."""
    async with whole_house(tmp_path, [market(FALLING)], LOOSE) as desk:
        assert "No open positions" in await desk.say("/status")
        entry = await desk.bars(1)
        assert "XRPUSDT LONG opened at" in entry
        status = await desk.say("/status")
        assert "XRPUSDT" in status
        assert "LONG" in status
        why = await desk.say("/why XRP")
        assert "tick" in why
        assert "minimum notional" in why

        card = await desk.say("/set_risk 10")
        assert "risk 20.00 USDT a trade → risk 10.00 USDT a trade" in card
        assert "Confirm" in card
        done = await desk.say("Confirm")
        assert "10" in done

        told = await desk.bars(12)
        assert told.count("closed by SL") == 8
        assert "XRPUSDT killed (FAST): 8 losses running" in told
        assert "1 set" in await desk.say("/kill")
        assert desk.house.desk.status().positions == ()

        refused = await desk.say("/reset_kill XRPUSDT")
        assert "reason" in refused
        await desk.say("/reset_kill XRPUSDT the market was broken")
        lifted = await desk.say("Confirm")
        assert "counters start anew" in lifted
        assert "opened at" in await desk.bars(1)

        card = await desk.say("/panic_close")
        assert "Confirm" in card
        receipt = await desk.say("Confirm")
        assert "flat, verified with the venue" in receipt
        status = desk.house.desk.status()
        assert status.stopped
        assert not status.positions
        assert "opened" not in await desk.bars(3)
        again = await desk.say("/panic_close now")
        assert "flat, verified with the venue" in again


async def test_settings_say_from_and_to_and_survive_a_restart(tmp_path: Path) -> None:
    """What was set is what the next start has."""
    frames = [market(FALLING)]
    async with whole_house(tmp_path, frames, LOOSE) as desk:
        await desk.say("/set_limit max_positions 2")
        assert "max_positions" in await desk.say("Confirm")
        await desk.say("/set XRPUSDT distance 0.05")
        assert "0.05" in await desk.say("Confirm")
        await desk.say("/pause XRPUSDT")
        await desk.say("/stop_trading")
        await desk.say("Confirm")
    async with whole_house(tmp_path, frames, LOOSE) as desk:
        state = desk.house.engine.state
        assert state.limits.max_positions == 2
        assert state.symbols["XRPUSDT"].paused
        assert state.stopped
        assert desk.house.engine.signals.strategy("XRPUSDT").parameters["distance"] == 0.05
        assert "0.05" in await desk.say("/params XRPUSDT")


async def test_the_next_start_recovers_positions_and_says_so(tmp_path: Path) -> None:
    """A position survives the end of the process with its stop, and people are told."""
    rising = [0.5 * 1.0005**i for i in range(40)]
    async with whole_house(tmp_path, [market(rising)], LOOSE) as desk:
        await desk.bars(2)
        (before,) = desk.house.desk.status().positions
    async with whole_house(tmp_path, [market(rising)], LOOSE) as desk:
        await desk.carry()
        assert "Recovered 1 open position, verified with the venue" in desk.screen.getvalue()
        (after,) = desk.house.desk.status().positions
        kept = [f.name for f in fields(after) if f.name not in PRICED]
        assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
        assert after.covered


HOSTILE = [
    "/statsu",
    "/set_risk",
    "/set_risk -5",
    "/set_risk nan",
    "/set_risk 1e999",
    "/set_risk ten",
    "/close NOPEUSDT",
    "/close XRPUSDT 0",
    "/close XRPUSDT 101",
    "/set XRPUSDT distance 99",
    "/set XRPUSDT nothing 1",
    "/set_limit max_positions -1",
    "/set_limit nothing 1",
    "/why '; DROP TABLE orders; --",
    "/why <b>XRP</b>",
    "/chart 🚀🚀🚀",
    "/status \x1b[31mred\x00",
    "/" + "a" * 10_000,
    "x" * 10_000,
    "//",
    "/ status",
    "hello there",
    "/stoploss XRPUSDT abc",
    "/takeprofit XRPUSDT 0",
    "/reset_kill",
    "/leverage XRPUSDT 5",
    "\ud800",
]


@pytest.mark.parametrize("line", HOSTILE)
async def test_bad_input_gets_a_clear_answer_and_changes_nothing(tmp_path: Path, line: str) -> None:
    """Whatever is typed: an answer without a traceback, and the books as they were."""
    from bot.engine import reading

    async with whole_house(tmp_path, [market(FALLING)], LOOSE) as desk:
        before = reading.dump(desk.house.engine.state)
        said = await desk.say(line)
        assert "Traceback" not in said
        assert "internal fault" not in said.casefold()
        assert len(said) < 5000
        assert "\x1b" not in said
        assert reading.dump(desk.house.engine.state) == before
