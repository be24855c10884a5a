"""The new commands in the whole house: what was shown, what was done at the venue, what the books say after."""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from whole_house import Desk, market, whole_house

from bot.domain.account import Book
from bot.domain.order import OrderSide, OrderType
from bot.engine import reading
from bot.runtime.ports import TradeQuery
from bot.venues.matching import OrderRequest
from bot.venues.paper import PaperVenue

RISING = [0.5 * 1.0004**i for i in range(60)]
CALM = [0.6012 + 0.0001 * (i % 2) for i in range(60)]
FALLING = [0.6000 * 0.985**i for i in range(40)]
LOOSE = """
sizing: {mode: risk_usd, value: "20"}
limits: {daily_loss_percent: "0", max_positions: 3}
"""


@contextmanager
def watched(venue: PaperVenue) -> Iterator[list[str]]:
    """Every call that reaches the venue meanwhile, by what it is."""
    calls: list[str] = []
    names = ("submit", "cancel", "query", "set_leverage", "snapshot")
    for name in (name for name in names if hasattr(venue, name)):
        _watch(venue, name, calls)
    try:
        yield calls
    finally:
        for name in names:
            vars(venue).pop(name, None)


def _watch(venue: PaperVenue, name: str, calls: list[str]) -> None:
    real = getattr(venue, name)

    async def noted(*args: object, **more: object) -> object:
        calls.append(name)
        return await real(*args, **more)

    setattr(venue, name, noted)


def paper(desk: Desk) -> PaperVenue:
    assert isinstance(desk.house.venue, PaperVenue)
    return desk.house.venue


def dump(desk: Desk) -> str:
    return str(reading.dump(desk.house.engine.state))


async def priced(desk: Desk, symbols: int = 1) -> None:
    """Prices are known, nothing is open, entries are allowed: the metronome waits for the next bar."""
    await desk.say("/pause all")
    await desk.bars(2)
    await desk.say("/resume all")
    await desk.say("Confirm")
    assert not desk.house.desk.status().positions
    assert len(desk.house.desk.symbols()) == symbols


async def test_a_long_by_hand_from_card_to_receipt(tmp_path: Path) -> None:
    """Card, order, fill, stop; then a close whose receipt the venue has confirmed."""
    async with whole_house(tmp_path, [market(CALM)], LOOSE) as desk:
        await priced(desk)
        card = await desk.say("/long XRP 15")
        assert "LONG XRPUSDT?" in card
        assert re.search(r"At risk +1[45]\.\d+ USDT at the stop", card)
        assert "✓" in card
        assert not desk.house.desk.status().positions
        sent = await desk.say("Confirm")
        assert "LONG XRPUSDT: order sent" in sent
        await desk.house.settled()
        (held,) = desk.house.desk.status().positions
        assert held.covered
        assert held.side == "LONG"
        shown = next(line for line in card.splitlines() if line.startswith("Size"))
        assert str(held.quantity) in shown
        receipt_card = await desk.say("/close XRP")
        assert "Stays protected" in receipt_card
        assert "25%" in receipt_card
        receipt = await desk.say("Confirm")
        assert "flat, verified with the venue" in receipt
        assert not desk.house.desk.status().positions


async def test_part_buttons_change_the_card_and_close_that_part(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)], LOOSE) as desk:
        await desk.bars(1)
        (before,) = desk.house.desk.status().positions
        await desk.say("/close XRP")
        card = await desk.say("50%")
        assert "Close 50% of XRPUSDT?" in card
        await desk.say("Confirm")
        (after,) = desk.house.desk.status().positions
        assert abs(after.quantity * 2 - before.quantity) <= Decimal("0.1")
        assert after.covered


async def test_a_pause_refuses_an_entry_by_hand_before_anything_is_asked(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)], LOOSE) as desk:
        await priced(desk)
        await desk.say("/pause all")
        before = dump(desk)
        said = await desk.say("/long XRP")
        assert "Confirm" not in said
        assert "refused by trading: desk is PAUSED" in said
        assert dump(desk) == before


async def test_leverage_is_changed_at_the_venue_used_and_kept(tmp_path: Path) -> None:
    frames = [market(CALM)]
    async with whole_house(tmp_path, frames, LOOSE) as desk:
        assert "5x" in await desk.say("/leverage XRP")
        card = await desk.say("/leverage XRP 3")
        assert "5x → 3x" in card
        with watched(paper(desk)) as calls:
            done = await desk.say("Confirm")
            await desk.house.settled()
        assert "set_leverage" in calls
        assert "5x → 3x" in done
        await desk.bars(1)
        (held,) = desk.house.desk.status().positions
        assert held.leverage == 3
    async with whole_house(tmp_path, frames, LOOSE) as desk:
        assert re.search(r"Set to +3x", await desk.say("/leverage XRP"))


@pytest.mark.parametrize(
    "line",
    ["/close XRP", "/close XRP 50", "/close_all", "/panic_close", "/leverage XRP 3", "/stoploss XRP 0.498"],
)
async def test_a_dry_run_lists_what_is_then_really_called(tmp_path: Path, line: str) -> None:
    """Nothing changes by the rehearsal; afterwards the same calls go out, in the same order."""
    async with whole_house(tmp_path, [market(RISING)], LOOSE) as desk:
        await desk.bars(3)
        before = dump(desk)
        with watched(paper(desk)) as calls:
            said = await desk.say(f"/dry {line}")
            assert calls == []
        assert dump(desk) == before
        told = re.findall(r"^ *\d+ +(submit|cancel|query|set leverage|snapshot) ", said, re.MULTILINE)
        assert told, said
        with watched(paper(desk)) as calls:
            await desk.say(line)
            await desk.say("Confirm")
            await desk.house.settled()
        assert [call.replace("_", " ") for call in calls] == told


async def test_a_dry_run_of_a_reading_command_calls_nobody(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)], LOOSE) as desk:
        assert "No venue call" in await desk.say("/dry /status")


async def test_a_drill_leaves_everything_as_it_was(tmp_path: Path) -> None:
    frames = [market(CALM), market(CALM, "BTCUSDT")]
    async with whole_house(tmp_path, frames, LOOSE) as desk:
        await priced(desk, 2)
        await desk.say("/long BTC 10")
        await desk.say("Confirm")
        await desk.house.settled()
        (before,) = desk.house.desk.status().positions
        card = await desk.say("/drill")
        assert "Drill the panic path on XRPUSDT?" in card
        done = await desk.say("Confirm")
        assert re.search(r"Drill on XRPUSDT: flat after", done), done
        (after,) = desk.house.desk.status().positions
        assert (after.symbol, after.quantity, after.covered) == (before.symbol, before.quantity, True)
        assert not desk.house.desk.status().stopped
        assert not desk.house.engine.state.symbols["XRPUSDT"].paused


async def test_a_setting_is_taken_back_once(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(CALM)], LOOSE) as desk:
        await desk.say("/set_limit max_positions 2")
        await desk.say("Confirm")
        assert desk.house.engine.state.limits.max_positions == 2
        listed = await desk.say("/settings")
        (change, *_) = await desk.house.desk.settings(5)
        assert str(change.id) in listed
        card = await desk.say(f"/undo {change.id}")
        assert "→" in card
        await desk.say("Confirm")
        assert desk.house.engine.state.limits.max_positions == 3
        again = await desk.say(f"/undo {change.id}")
        assert "Confirm" not in again
        assert desk.house.engine.state.limits.max_positions == 3


async def test_an_alert_fires_once_to_its_owner_over_a_restart(tmp_path: Path) -> None:
    frames = [market(RISING)]
    async with whole_house(tmp_path, frames, LOOSE) as desk:
        await desk.say("/pause all")
        assert "told once" in await desk.say("/alert XRP > 0.502")
        assert "0.502" in await desk.say("/alerts")
        assert "above" not in await desk.bars(3)
    async with whole_house(tmp_path, frames, LOOSE) as desk:
        assert "0.502" in await desk.say("/alerts")
        told = await desk.bars(12)
        assert len(re.findall(r"XRPUSDT .*(?:above|reached|>).*0\.502", told)) == 1, told
        assert "Nothing is waited for" in await desk.say("/alerts")
        assert "0.502" not in await desk.bars(3)


async def test_a_note_is_kept_and_shown_with_its_trade(tmp_path: Path) -> None:
    frames = [market(FALLING)]
    async with whole_house(tmp_path, frames, LOOSE) as desk:
        await desk.bars(1)
        assert "open trade" in await desk.say("/note XRP bought into a falling knife")
        await desk.bars(2)
    async with whole_house(tmp_path, frames, LOOSE) as desk:
        assert "bought into a falling knife" in await desk.say("/trades")


async def test_exported_files_sum_to_the_ledger(tmp_path: Path) -> None:
    async with whole_house(tmp_path, [market(FALLING)], LOOSE) as desk:
        await desk.bars(6)
        await desk.say("/close_all")
        await desk.say("Confirm")
        await desk.say("/export ledger")
        await desk.say("/export trades")
        entries = await desk.house.desk.entries(0)
        trades = await desk.house.desk.trades(TradeQuery())
        state = desk.house.engine.state
        files = {path.name.split("-")[2]: path for path in (tmp_path / "pictures").glob("*.csv")}
        ledger = list(csv.DictReader(StringIO(files["ledger"].read_text())))
        assert len(ledger) == len(entries) > 3
        assert sum(Decimal(row[Book.WALLET.value]) for row in ledger) == state.wallet
        assert all(sum(Decimal(row[book.value]) for book in Book) == 0 for row in ledger)
        sold = list(csv.DictReader(StringIO(files["trades"].read_text())))
        assert [Decimal(row["net"]) for row in sold] == [one.net for one in trades]
        realised = sum(Decimal(row["gross"]) - Decimal(row["fees"]) + Decimal(row["funding"]) for row in sold)
        booked = sum(Decimal(row[book]) for row in ledger for book in ("realised", "fees", "funding"))
        assert realised == -booked


@pytest.mark.parametrize("line", ["/long XRP 15", "/short XRP"])
async def test_a_dry_entry_lists_what_is_then_really_called(tmp_path: Path, line: str) -> None:
    async with whole_house(tmp_path, [market(CALM)], LOOSE) as desk:
        await priced(desk)
        before = dump(desk)
        said = await desk.say(f"/dry {line}")
        assert dump(desk) == before
        told = re.findall(r"^ *\d+ +(submit|cancel|query|set leverage|snapshot) ", said, re.MULTILINE)
        with watched(paper(desk)) as calls:
            await desk.say(line)
            await desk.say("Confirm")
            await desk.house.settled()
        assert [call.replace("_", " ") for call in calls] == told != []


def strangers_order(quantity: str) -> OrderRequest:
    """What somebody else does on the same account."""
    return OrderRequest("stranger-1", "XRPUSDT", OrderSide.BUY, OrderType.MARKET, Decimal(quantity))


@pytest.mark.parametrize(
    "choice,words,covered",
    [
        ("/adopt XRP", "Adopted", True),
        ("/attach_stop XRP", "Stop attached", True),
        ("/ignore XRP", "Left alone", False),
    ],
)
async def test_a_strangers_position_is_shown_and_decided_about(
    tmp_path: Path, choice: str, words: str, covered: bool
) -> None:
    async with whole_house(tmp_path, [market(CALM)], LOOSE) as desk:
        await priced(desk)
        venue = paper(desk)
        venue._matching.submit(strangers_order("50"), venue.now_ms)
        said = await desk.say("/reconcile")
        assert "XRPUSDT" in said
        assert "adopt" in said
        card = await desk.say(choice)
        assert "Confirm" in card, card
        done = await desk.say("Confirm")
        assert words in done
        await desk.house.settled()
        (held,) = desk.house.desk.status().positions
        assert held.quantity == 50
        assert (held.stop_price is not None) is covered
        assert not any(one.choices for one in desk.house.desk.differences() if choice != "/ignore XRP")
        await desk.say("/close XRP")
        assert "flat, verified with the venue" in await desk.say("Confirm")
        assert venue._matching.position("XRPUSDT").flat


async def test_reports_digests_and_every_reading_command_answer_in_a_lived_house(tmp_path: Path) -> None:
    """No internal fault anywhere once there are trades, orders, signals and settings."""
    lines = (
        "/status", "/status XRP", "/positions", "/orders", "/trades", "/balance", "/equity", "/pnl", "/stats",
        "/performance", "/fees", "/price", "/price XRP", "/signal XRP", "/signals", "/symbols", "/risk", "/kill",
        "/halts", "/ml", "/phantoms", "/proposals", "/clusters", "/report", "/report 1", "/digest", "/schedule",
        "/health", "/logs", "/audit", "/config", "/mode", "/version", "/reconcile", "/settings", "/alerts", "/stop",
        "/params XRP", "/leverage XRP", "/help", "/start", "/sweep XRP",
    )  # fmt: skip
    async with whole_house(tmp_path, [market(FALLING)], LOOSE) as desk:
        await desk.bars(6)
        for line in lines:
            said = await desk.say(line)
            assert "Internal fault" not in said, line
            assert len(said) > 20, line
        page = next((tmp_path / "pictures").glob("*.html")).read_text()
        assert "closed" in page.casefold()
