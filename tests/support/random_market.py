"""A small seeded market with words and commands, the same in every process: what long random runs are made of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from desk_story import BAR_MS, BUY, SELL, START_MS, Desk

from bot.domain.command import (
    CloseAll,
    ClosePosition,
    Command,
    KillNow,
    MoveStop,
    MoveTarget,
    PanicClose,
    Pause,
    ResetKill,
    Resume,
    SetLimit,
    SetSizing,
    StartTrading,
    StopTrading,
    Unhalt,
)
from bot.domain.guard import Sizing, SizingMode
from bot.domain.market import Candle
from bot.domain.order import OrderSide, OrderType
from bot.domain.signal import Anchor, Side, Signal
from bot.venues.matching import OrderRequest

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


@dataclass(frozen=True)
class Bar:
    """One bar: candles, the opens after it, signals at its close, and what happens before the next."""

    closes_at_ms: int
    candles: tuple[Candle, ...]
    opens: dict[str, float]
    signals: dict[str, Signal]
    commands: tuple[Command, ...]
    funding: dict[str, Decimal]
    person: tuple[tuple[str, OrderSide, Decimal], ...]


def play(desk: Desk, bars: Iterable[Bar]) -> None:
    """Let a desk live through these bars, one after the other."""
    for bar in bars:
        for name, signal in bar.signals.items():
            desk.script.said[name, bar.closes_at_ms] = signal
        desk.venue.bar(bar.candles, bar.closes_at_ms, bar.opens)
        for name, rate in bar.funding.items():
            desk.venue.fund(name, rate)
        for command in bar.commands:
            desk.venue.command(command)
        for name, side, quantity in bar.person:
            desk.venue.person(OrderRequest("web", name, side, OrderType.MARKET, quantity, foreign=True))


def market(seed: int, bars: int, *, commands: bool = True, people: bool = False) -> Iterator[Bar]:
    """Prices jump and gap enough to hit stops, targets and gates within a few bars."""
    chance = Random(seed)
    prices = dict.fromkeys(SYMBOLS, 100.0)
    for number in range(bars):
        opened_at = START_MS + number * BAR_MS
        candles = tuple(_candle(chance, name, opened_at, prices) for name in SYMBOLS)
        closes = {candle.symbol: candle.close for candle in candles}
        for name in SYMBOLS:
            gap = chance.gauss(0, 0.004) if chance.random() < 0.15 else 0.0
            prices[name] = round(closes[name] * (1 + gap), 2)
        at_ms = opened_at + BAR_MS
        yield Bar(
            closes_at_ms=at_ms,
            candles=candles,
            opens={name: prices[name] for name in SYMBOLS},
            signals={n: _signal(chance, n, at_ms, closes[n]) for n in SYMBOLS if chance.random() < 0.25},
            commands=(_command(chance, prices),) if commands and chance.random() < 0.12 else (),
            funding={n: Decimal(str(round(chance.gauss(0, 0.001), 5))) for n in SYMBOLS}
            if number % 8 == 7
            else {},
            person=((chance.choice(SYMBOLS), chance.choice((BUY, SELL)), Decimal(chance.randint(1, 9))),)
            if people and chance.random() < 0.05
            else (),
        )


def _candle(chance: Random, name: str, opened_at: int, prices: dict[str, float]) -> Candle:
    opened = prices[name]
    close = round(max(1.0, opened * (1 + chance.gauss(0, 0.012))), 2)
    high = round(max(opened, close) * (1 + abs(chance.gauss(0, 0.006))), 2)
    low = round(min(opened, close) * (1 - abs(chance.gauss(0, 0.006))), 2)
    return Candle(name, opened_at, opened, high, low, close, 1000.0)


def _signal(chance: Random, name: str, at_ms: int, close: float) -> Signal:
    side = chance.choice((Side.LONG, Side.SHORT))
    away, beyond = chance.uniform(0.005, 0.03), chance.uniform(0.01, 0.05)
    return Signal(
        symbol=name,
        strategy="quiet",
        bar_at_ms=at_ms,
        side=side,
        score=float(chance.randint(3, 9)),
        reference_price=close,
        stop_price=close * (1 - away * side.sign),
        target_price=close * (1 + beyond * side.sign),
        atr=close * 0.01,
        anchor=chance.choice((Anchor.FILL, Anchor.LEVEL)),
    )


def _command(chance: Random, prices: dict[str, float]) -> Command:
    name = chance.choice(SYMBOLS)
    price = Decimal(str(round(prices[name] * chance.uniform(0.97, 1.03), 2)))
    return chance.choice(
        (
            Pause(name),
            Resume(name),
            Resume(),
            StopTrading(),
            StartTrading(),
            StartTrading(),
            StartTrading(),
            ClosePosition(name),
            ClosePosition(name, Decimal(chance.randint(1, 99))),
            CloseAll(),
            PanicClose(name),
            PanicClose(),
            MoveStop(name, price),
            MoveStop(name, break_even=True),
            MoveStop(name, trail_atr=Decimal(2)),
            MoveTarget(name, price),
            MoveTarget(name, None),
            SetSizing(Sizing(SizingMode.RISK_PERCENT, Decimal(chance.randint(1, 3)))),
            SetSizing(Sizing(SizingMode.MARGIN_RATIO)),
            SetLimit("max_positions", Decimal(chance.randint(2, 4))),
            SetLimit("cooldown_bars", Decimal(chance.randint(0, 2))),
            KillNow(name),
            ResetKill(name, "test"),
            ResetKill("", "test"),
            Unhalt(),
            Unhalt(),
        )
    )
