"""Guards: kill switches, halts, the daily loss, the drawdown, the way to liquidation."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.action import RecordDay, RecordHalt, RecordKill, RecordKillReset, RecordSetting
from bot.domain.event import VenueConditionChanged
from bot.domain.guard import Halt, HaltKind, Kill, KillKind, KillReset
from bot.domain.instrument import ZERO
from bot.domain.liquidation import way_to_liquidation
from bot.domain.market import MINUTE_MS
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason
from bot.engine import closing, tell
from bot.engine.margin import liquidation_price
from bot.engine.state import SymbolState
from bot.engine.turn import Turn
from bot.risk import kills

HIGH_STEP = Decimal("0.001")
VOLATILITY_WINDOW_MS = 5_000
OWN_NOTICES = {HaltKind.DRAWDOWN: NoticeKind.DRAWDOWN, HaltKind.LOW_BALANCE: NoticeKind.LOW_BALANCE}
"""Halts that people may want to hear of apart from the others."""


def after_trade(turn: Turn, symbol: SymbolState) -> None:
    """A trade was closed: look at the symbol's kill switches and at the account's losing run."""
    tripped = kills.tripped(list(symbol.nets), turn.state.limits)
    if tripped is not None and symbol.kill is None:
        kill(turn, symbol, *tripped)
    limit = turn.state.limits.consecutive_losses
    if limit and turn.state.losing_run >= limit:
        halt(turn, "", HaltKind.LOSSES, 0, f"{turn.state.losing_run} losses running over all symbols")


def kill(turn: Turn, symbol: SymbolState, kind: KillKind, figures: str) -> None:
    """Set a symbol's kill switch: a latch on entries until an admin lifts it."""
    symbol.kill = Kill(symbol.symbol, kind, turn.at_ms, figures)
    turn.act(RecordKill(symbol.kill))
    title = f"{symbol.symbol} killed ({kind}): {figures}. No entries until /reset_kill {symbol.symbol}"
    turn.tell(NoticeKind.KILL, Severity.CRITICAL, title, (), symbol.symbol)


def reset_kill(turn: Turn, symbol: SymbolState, actor: str, reason: str) -> None:
    """Lift a symbol's kill switch; its counters start anew from here."""
    symbol.kill = None
    symbol.nets.clear()
    symbol.last_loss_at_ms = 0
    others = [result for result in turn.state.results if result[0] != symbol.symbol]
    turn.state.results.clear()
    turn.state.results.extend(others)
    turn.act(RecordKillReset(KillReset(symbol.symbol, turn.at_ms, actor, reason)))


def halt(turn: Turn, symbol: str, kind: HaltKind, until_ms: int, figures: str) -> None:
    """Stop entries for a while (until_ms 0: until lifted); one of a kind per symbol at a time."""
    state = turn.state
    if any(h.symbol == symbol and h.kind is kind for h in state.halts):
        return
    found = Halt(symbol, kind, turn.at_ms, until_ms, figures)
    state.halts.append(found)
    turn.act(RecordHalt(found))
    where = symbol or "all symbols"
    notice = OWN_NOTICES.get(kind, NoticeKind.HALT)
    # one market of hundreds without data or with a gap is no reason to wake anybody
    severity = Severity.TRADE if symbol and kind is HaltKind.STALE else Severity.CRITICAL
    turn.tell(notice, severity, f"{where} halted ({kind}): {figures}", (), symbol)


def on_condition(turn: Turn, event: VenueConditionChanged) -> None:
    """The venue (or our line to it) asks for a rest of entries, or is well again."""
    if event.symbol and turn.symbol(event.symbol) is None:
        return
    if event.active:
        halt(turn, event.symbol, event.kind, 0, event.reason)
        return
    for found in [h for h in turn.state.halts if (h.symbol, h.kind) == (event.symbol, event.kind)]:
        lift(turn, found)
        where = found.symbol or "all symbols"
        turn.tell(NoticeKind.HALT, Severity.INFO, f"{where}: halt ({found.kind}) is over", (), found.symbol)


def outcome_known(turn: Turn, symbol: str) -> None:
    """What became of every order of a symbol is known (again): what was halted for that goes on."""
    for found in [h for h in turn.state.halts if (h.symbol, h.kind) == (symbol, HaltKind.UNKNOWN_ORDER)]:
        lift(turn, found)
        title = f"{symbol}: halt ({found.kind}) is over: what became of its orders is known"
        turn.tell(NoticeKind.HALT, Severity.TRADE, title, (), symbol)


def lift(turn: Turn, found: Halt) -> None:
    """End a halt."""
    turn.state.halts.remove(found)
    turn.act(RecordHalt(found, lifted_at_ms=turn.at_ms))


def expire(turn: Turn) -> None:
    """End halts whose time is over, and say so."""
    for found in [h for h in turn.state.halts if h.until_ms and turn.at_ms >= h.until_ms]:
        lift(turn, found)
        where = found.symbol or "all symbols"
        turn.tell(NoticeKind.HALT, Severity.INFO, f"{where}: halt ({found.kind}) is over", (), found.symbol)


def watch_account(turn: Turn) -> Decimal:
    """Daily loss, drawdown, low balance, equity high: looked at whenever prices or books have changed; the equity."""
    _watch_day(turn)
    equity = _watch_equity(turn)
    _watch_balance(turn)
    return equity


def _watch_day(turn: Turn) -> None:
    state = turn.state
    if state.day.breached or not state.limits.daily_loss_percent:
        return
    limit = state.day.start_equity * state.limits.daily_loss_percent / 100
    if limit <= ZERO:
        return
    pnl = state.day_pnl()
    if pnl > -limit:
        return
    state.day = replace(state.day, breached=True)
    turn.act(RecordDay(turn.at_ms, state.day))
    quote = state.settings.quote
    figures = f"{tell.money(pnl, quote)}, limit {tell.money(-limit, quote)}"
    title = f"Daily loss limit reached: {figures}. No entries until 00:00 UTC; exits and protection go on"
    turn.tell(NoticeKind.DAILY_LOSS, Severity.CRITICAL, title)


def _watch_equity(turn: Turn) -> Decimal:
    state = turn.state
    equity, high = state.equity(), state.equity_high
    if equity > high:
        _raise_high(turn, equity)
        return equity
    limit = state.limits.drawdown_percent
    if limit and high > ZERO and (high - equity) / high * 100 >= limit:
        percent = (high - equity) / high * 100
        figures = f"{percent:.2f} % from {high:.2f} {state.settings.quote}, limit {limit} %"
        halt(turn, "", HaltKind.DRAWDOWN, 0, figures)
    return equity


def _raise_high(turn: Turn, equity: Decimal) -> None:
    """A new equity high; recorded when it is a step above the last one recorded."""
    turn.state.equity_high = equity
    if equity >= turn.state.recorded_high * (1 + HIGH_STEP):
        record_high(turn, "engine")


def record_high(turn: Turn, actor: str) -> None:
    """Record the equity high as a setting."""
    before, high = turn.state.recorded_high, turn.state.equity_high
    turn.state.recorded_high = high
    turn.act(RecordSetting(turn.at_ms, "equity_high", f'"{high:f}"', actor, f"{before:.2f}", f"{high:.2f}"))


def _watch_balance(turn: Turn) -> None:
    state = turn.state
    if state.recovering or state.wallet >= state.limits.min_balance:
        return
    figures = f"wallet {state.wallet:.2f} {state.settings.quote}, minimum {state.limits.min_balance}"
    halt(turn, "", HaltKind.LOW_BALANCE, 0, figures)


def watch_liquidation(turn: Turn, symbol: SymbolState) -> None:
    """Warn on the way to liquidation, and reduce further on when the operator wants that."""
    if not turn.state.limits.liquidation_warn and not turn.state.limits.auto_reduce:
        return
    price = liquidation_price(symbol.position, symbol.leverage, symbol.instrument)
    if price is None:
        return
    way = way_to_liquidation(symbol.position, price, symbol.mark_price)
    limits = turn.state.limits
    if way < limits.liquidation_warn:
        symbol.liquidation_warned = False
        return
    if not symbol.liquidation_warned:
        symbol.liquidation_warned = True
        where = tell.price(symbol.instrument, price)
        title = f"{symbol.symbol} is {way:.0%} of the way to liquidation at {where}"
        turn.tell(NoticeKind.LIQUIDATION, Severity.CRITICAL, title, (), symbol.symbol)
    if limits.auto_reduce and way >= limits.liquidation_reduce and symbol.closing is None:
        half = symbol.instrument.quantity_down(symbol.position.size / 2)
        closing.start(turn, symbol, half or symbol.position.size, CloseReason.LIQUIDATION)


def watch_volatility(turn: Turn, symbol: SymbolState, now: float, at_ms: int) -> None:
    """A move of the limit's size or more within some seconds halts new entries of the symbol.

    Compared are the prices of the window and the one in force when it began.
    """
    limit, ticks = turn.state.limits.volatility_percent, symbol.ticks
    ticks.append((at_ms, now))
    while len(ticks) > 1 and ticks[1][0] <= at_ms - VOLATILITY_WINDOW_MS:
        ticks.popleft()
    if not limit:
        return
    moved = Decimal(repr(max(abs(now / before - 1) for _, before in ticks) * 100))
    if moved >= limit:
        until = turn.at_ms + turn.state.limits.volatility_halt_minutes * MINUTE_MS
        seconds = VOLATILITY_WINDOW_MS // 1000
        figures = f"moved {moved:.2f} % within {seconds} s, limit {limit} %"
        halt(turn, symbol.symbol, HaltKind.VOLATILITY, until, figures)
