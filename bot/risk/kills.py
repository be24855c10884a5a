"""The two automatic kill switches, from net results of closed trades of one symbol, oldest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.guard import KillKind, Limits
from bot.domain.instrument import ZERO


@dataclass(frozen=True, slots=True)
class KillFigures:
    """Counters of one symbol: `profit_factor` None without losses among the last `trades` counted."""

    losing_run: int
    trades: int
    profit_factor: Decimal | None


def figures(nets: Sequence[Decimal], window: int) -> KillFigures:
    """Losing run up to now, and the profit factor of the last `window` trades."""
    recent = nets[-window:]
    return KillFigures(_losing_run(nets), len(recent), profit_factor(recent))


def _losing_run(nets: Sequence[Decimal]) -> int:
    run = 0
    for net in reversed(nets):
        if net >= ZERO:
            break
        run += 1
    return run


def profit_factor(nets: Sequence[Decimal]) -> Decimal | None:
    """Gross profit over gross loss; None when there is no loss."""
    loss = -sum((net for net in nets if net < ZERO), ZERO)
    profit = sum((net for net in nets if net > ZERO), ZERO)
    return profit / loss if loss else None


def tripped(nets: Sequence[Decimal], limits: Limits) -> tuple[KillKind, str] | None:
    """Which kill switch these results set, with its figures; None when neither."""
    found = figures(nets, limits.kill_trades)
    if limits.kill_losing_run and found.losing_run >= limits.kill_losing_run:
        return KillKind.FAST, f"{found.losing_run} losses running, limit {limits.kill_losing_run}"
    enough = limits.kill_trades and found.trades >= limits.kill_trades
    if enough and found.profit_factor is not None and found.profit_factor < limits.kill_profit_factor:
        text = f"profit factor {found.profit_factor:.2f} of the last {found.trades} trades"
        return KillKind.SLOW, f"{text}, limit {limits.kill_profit_factor}"
    return None
