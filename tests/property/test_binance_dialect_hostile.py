"""Whatever Binance's streams and answers hold, the dialect neither raises nor believes nonsense."""

import copy
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from binance_dialect_kit import (
    ENTRY,
    NOW,
    STOP,
    SYMBOL,
    algo_row,
    order_row,
    position_row,
    quiet_account,
    scripted,
)
from binance_frames import MARKET_FRAMES, USER_FRAMES
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.event import CallEnded, Filled, FundingPaid, OrderUpdated, Outcome, WalletSeen
from bot.domain.market import FundingRate
from bot.venues.binance import BinanceDialect
from bot.venues.ccxt_venue.dialect import KlineSeen, PriceSeen
from bot.venues.port import VenueUnavailable

REAL = Path(os.environ.get("QUARTERDECK_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
NAUTILUS = REAL / "fixtures" / "nautilus_trader" / "py_binance" / "ws_messages"

POISON: list[Any] = [
    None, True, False, 0, -1, 1, 2**63, 2**200, -(2**70), 1e308, float("nan"), float("inf"), -0.0, "", " ", "0", "-5",
    "NaN", "Infinity", "-Infinity", "1e999999999", "1e-999999999", "9" * 5000, "0x10", "１２", "²", "null", "\x00",
    "\ud800", [], {}, [[]], [None], {"s": {}}, [1, 2, 3], {"e": "kline"}, "BUY", "FILLED", "TRIGGERED", "77", 77,
]  # fmt: skip


def recorded() -> list[Any]:
    """Recorded user frames, where there are any."""
    files = sorted(NAUTILUS.glob("ws_futures_*.json")) if NAUTILUS.is_dir() else []
    return [json.loads(path.read_text(encoding="utf-8")) for path in files]


def places(frame: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a frame that can be changed."""
    items = frame.items() if isinstance(frame, dict) else enumerate(frame) if isinstance(frame, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutated(frame: Any, chance: Random) -> Any:
    """A frame with one to three places poisoned, dropped or swapped."""
    changed = copy.deepcopy(frame)
    for _ in range(chance.randint(1, 3)):
        spots = list(places(changed))
        if not spots:
            break
        *way, last = chance.choice(spots)
        owner = changed
        for step in way:
            owner = owner[step]
        if chance.random() < 0.2:
            del owner[last]
        else:
            owner[last] = copy.deepcopy(chance.choice(POISON))
    return changed


def check_private(news: Any) -> None:
    for one in news:
        if isinstance(one, Filled):
            fill = one.fill
            assert fill.quantity > 0
            assert fill.price > 0
            assert all(figure.is_finite() for figure in (fill.quantity, fill.price, fill.fee))
            assert fill.symbol
            assert int(fill.trade_id) > 0
            assert NOW <= one.at_ms <= NOW + 5_000
        elif isinstance(one, OrderUpdated):
            assert one.client_id
            assert one.filled.is_finite()
            assert NOW <= one.at_ms <= NOW + 5_000
        elif isinstance(one, WalletSeen):
            assert one.wallet.is_finite()
        elif isinstance(one, FundingPaid):
            assert one.amount.is_finite()
            assert one.symbol


def check_public(news: Any) -> None:
    for one in news:
        if isinstance(one, KlineSeen):
            assert one.candle.sound
        elif isinstance(one, PriceSeen):
            assert all(
                p is None or (math.isfinite(p) and p > 0) for p in (one.bid, one.ask, one.last, one.mark)
            )
        elif isinstance(one, FundingRate):
            assert math.isfinite(one.rate)


@pytest.mark.parametrize("seed", range(8))
def test_mutated_frames(seed: int) -> None:
    """Eight times 2,500 frames, documented and recorded ones, poisoned in one to three places."""
    chance, dialect = Random(seed), scripted()[0]
    user, market = USER_FRAMES + recorded(), MARKET_FRAMES
    for _ in range(2_000):
        check_private(dialect.private_news(mutated(chance.choice(user), chance), NOW))
    for _ in range(500):
        check_public(dialect.public_news(mutated(chance.choice(market), chance)))


def test_every_place_takes_every_poison() -> None:
    dialect = scripted()[0]
    for frame in USER_FRAMES:
        for place in places(frame):
            for poison in POISON:
                check_private(dialect.private_news(_with(frame, place, poison), NOW))
    for frame in MARKET_FRAMES:
        for place in places(frame):
            for poison in POISON:
                check_public(dialect.public_news(_with(frame, place, poison)))


def _with(frame: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(frame)
    owner = changed
    for step in place[:-1]:
        owner = owner[step]
    owner[place[-1]] = value
    return changed


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=300)
@given(frame=json_like, now_ms=st.integers(0, 2**45))
def test_anything_at_all(frame: Any, now_ms: int) -> None:
    dialect = scripted()[0]
    dialect.private_news(frame, now_ms)
    dialect.public_news(frame)
    dialect.private_news({"e": "ORDER_TRADE_UPDATE", "o": frame}, now_ms)
    dialect.public_news({"e": "kline", "k": frame})
    assert isinstance(dialect.reply_code(frame)[0], str)


@pytest.mark.parametrize("seed", range(4))
async def test_mutated_answers_to_orders(seed: int) -> None:
    """DONE only for an answer that shows the order we sent."""
    chance = Random(seed)
    for _ in range(200):
        row, algo = mutated(order_row(status="FILLED"), chance), mutated(algo_row(), chance)
        dialect, _ = scripted(
            {
                "fapiPrivatePostOrder": (200, row),
                "fapiPrivatePostAlgoOrder": (200, algo),
                "fapiPrivateGetOrder": (200, row),
                "fapiPrivateGetAlgoOrder": (200, algo),
            }
        )
        entry, stop = await dialect.submit(ENTRY), await dialect.submit(STOP)
        assert entry.outcome is not Outcome.DONE or row["clientOrderId"] == ENTRY.client_id
        assert stop.outcome is not Outcome.DONE or algo["clientAlgoId"] == STOP.client_id
        await believable(dialect)


async def believable(dialect: BinanceDialect) -> None:
    for conditional in (False, True):
        found = await dialect.query("qd0001-s1" if conditional else "qd0001-e1", SYMBOL, conditional)
        assert isinstance(found, CallEnded) or found.client_id in ("qd0001-s1", "qd0001-e1")


@pytest.mark.parametrize("seed", range(4))
async def test_mutated_accounts(seed: int) -> None:
    """A snapshot, or a clear word that there is none; never anything else."""
    chance = Random(seed)
    for _ in range(150):
        script: dict[str, Any] = dict(quiet_account(position_row()))
        script["fapiPrivateGetOpenOrders"] = (200, [order_row()])
        script["fapiPrivateGetOpenAlgoOrders"] = (200, [algo_row()])
        method = chance.choice(list(script))
        script[method] = (200, mutated(script[method][1], chance))
        dialect, _ = scripted(script)
        try:
            found = await dialect.snapshot(NOW - 60_000)
        except VenueUnavailable:
            continue
        assert found.wallet.is_finite()
        assert all(one.leverage >= 1 and one.entry_price > 0 for one in found.positions)
