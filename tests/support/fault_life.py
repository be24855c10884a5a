"""A position's life as the exchange's executions tell it: how much was held when, and when nothing covered it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.order import OrderSide
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.nouns import Conditional

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin_ms` on, up to `end_ms`."""

    begin_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Life:
    """(time, signed quantity from then on), ascending; one entry per moment."""

    held: tuple[tuple[int, Decimal], ...]

    @classmethod
    def of(cls, account: ExchangeAccount, symbol: str) -> "Life":
        """From all executions of a contract in one-way mode."""
        quantity, moments = ZERO, {0: ZERO}
        for trade in account.trades:
            if trade.symbol == symbol:
                quantity += trade.quantity * trade.side.sign
                moments[trade.at_ms] = quantity
        return cls(tuple(sorted(moments.items())))

    def at(self, at_ms: int) -> Decimal:
        """What was held at the end of that moment."""
        return next(quantity for since_ms, quantity in reversed(self.held) if since_ms <= at_ms)

    def longest_flat(self, begin_ms: int, end_ms: int) -> int:
        """The longest time within these bounds without a position."""
        longest, flat_since = 0, begin_ms if not self.at(begin_ms) else None
        for at_ms, quantity in (*self.held, (end_ms, Decimal(1))):
            if not begin_ms < at_ms <= end_ms:
                continue
            if quantity and flat_since is not None:
                longest = max(longest, at_ms - flat_since)
            flat_since = None if quantity else (at_ms if flat_since is None else flat_since)
        return longest


def spans_without(life: Life, stops: Sequence[Conditional], now_ms: int) -> list[Span]:
    """When something was held and no stop of its size waited on its other side."""
    moments = {at_ms for at_ms, _ in life.held} | {stop.created_at_ms for stop in stops}
    moments |= {_end(stop, now_ms) for stop in stops} | {now_ms}
    ordered = sorted(at_ms for at_ms in moments if at_ms)
    bare = [(at_ms, not _covered(life.at(at_ms), stops, at_ms, now_ms)) for at_ms in ordered]
    return list(_joined(bare, now_ms))


def _joined(bare: Sequence[tuple[int, bool]], now_ms: int) -> Iterator[Span]:
    begin_ms: int | None = None
    for at_ms, is_bare in bare:
        if is_bare and begin_ms is None:
            begin_ms = at_ms
        elif not is_bare and begin_ms is not None:
            yield Span(begin_ms, at_ms)
            begin_ms = None
    if begin_ms is not None:
        yield Span(begin_ms, now_ms)


def _end(stop: Conditional, now_ms: int) -> int:
    if stop.triggered_at_ms:
        return stop.triggered_at_ms
    return now_ms + 1 if stop.status.live else stop.updated_at_ms


def _covered(held: Decimal, stops: Sequence[Conditional], at_ms: int, now_ms: int) -> bool:
    if not held:
        return True
    side = OrderSide.SELL if held > ZERO else OrderSide.BUY
    waiting = [
        stop.ask
        for stop in stops
        if stop.ask.side is side and stop.created_at_ms <= at_ms < _end(stop, now_ms)
    ]
    if any(ask.close_all or ask.with_position for ask in waiting):
        return True
    return sum((ask.quantity for ask in waiting), ZERO) >= abs(held)
