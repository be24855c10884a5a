"""One bar, from candles to intents: prices, guards, signals, gates, sizing, reservation, entry."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.account import Balance, EquityPoint
from bot.domain.action import RecordDecision, RecordEquity
from bot.domain.decision import Decision
from bot.domain.event import CandlesClosed
from bot.domain.guard import Sizing
from bot.domain.instrument import ZERO, to_decimal, to_level
from bot.domain.market import Candle
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import Approved, CloseReason, Intent, OrderType, Purpose, opening
from bot.domain.refusal import Refused
from bot.domain.signal import GateCheck, Side, Signal
from bot.domain.snapshot import DayFigures
from bot.engine import closing, guards, orders, plans, protection
from bot.engine.state import EngineState, Pending, SymbolState, exposure_side
from bot.engine.turn import Turn
from bot.market.signals import SignalSource
from bot.risk.approval import approve_entry, check_entry
from bot.risk.book import Candidate, Exposure, Judged, RiskBook, Sized, SymbolGuards
from bot.risk.sizing import SizeRequest, size

TWO = Decimal(2)
CLOCK_SLACK_MS = 1_000

type Weigh = Callable[[Turn, Sequence[Signal]], None]


def on_candles(turn: Turn, signals: SignalSource, event: CandlesClosed, weigh: Weigh) -> None:
    """Handle one complete bar, a late one too; what was handled before, or is not finished, changes nothing.

    `weigh` is given the bar's signals with a side, when there are any.
    """
    state = turn.state
    candles = [candle for candle in event.candles if _new(turn, candle)]
    if not candles:
        return
    for candle in candles:
        see(state, candle, candle.open_at_ms + state.settings.bar_ms)
    equity = watch_positions(turn)
    found = competing(state, signals.on_candles(candles))
    if found:
        weigh(turn, found)
    _tell_failures(turn, signals)
    point = EquityPoint(turn.at_ms, equity, state.wallet, len(state.open_symbols))
    turn.act(RecordEquity(point))


def _tell_failures(turn: Turn, signals: SignalSource) -> None:
    """A strategy that failed is off for its symbol: said once."""
    for symbol, reason in signals.failures.items():
        if symbol not in turn.state.strategies_off:
            turn.state.strategies_off.add(symbol)
            title = f"{symbol}: its strategy is switched off ({reason}); exits and protection go on"
            turn.tell(NoticeKind.STRATEGY, Severity.CRITICAL, title, (), symbol)


def _new(turn: Turn, candle: Candle) -> bool:
    """True for a traded symbol's candle that is over and was not handled before, by its own closing time."""
    state = turn.state
    symbol = state.symbols.get(candle.symbol)
    closed_at_ms = candle.open_at_ms + state.settings.bar_ms
    return symbol is not None and symbol.last_bar_at_ms < closed_at_ms <= turn.at_ms + CLOCK_SLACK_MS


def see(state: EngineState, candle: Candle, closed_at_ms: int) -> None:
    """Take the candle's close as the symbol's price, unless a later quote is known."""
    symbol = state.symbols[candle.symbol]
    state.last_bar_at_ms = max(state.last_bar_at_ms, closed_at_ms)
    symbol.last_bar_at_ms = closed_at_ms
    if not candle.sound:
        return
    symbol.last_candle_at_ms = closed_at_ms
    if closed_at_ms >= symbol.priced_at_ms:
        symbol.last_price = symbol.mark = candle.close
        symbol.priced_at_ms = closed_at_ms


def watch_positions(turn: Turn) -> Decimal:
    """After new prices: trailing stops, the way to liquidation, the account's limits; answers the equity."""
    for symbol in turn.state.open_symbols:
        protection.watch_through(turn, symbol)
        if protection.trail(turn, symbol):
            continue
        guards.watch_liquidation(turn, symbol)
    return guards.watch_account(turn)


def competing(state: EngineState, signals: Sequence[Signal]) -> list[Signal]:
    """Signals with a side, in the order of the candles."""
    found: list[Signal] = []
    for signal in signals:
        state.symbols[signal.symbol].last_signal = signal
        if signal.side is not None:
            found.append(signal)
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """The account at one moment, worked out once for all signals of a bar and anew after every reservation."""

    balance: Balance
    day_pnl: Decimal
    exposures: tuple[Exposure, ...]
    exposed: Decimal


def standing(state: EngineState) -> Standing:
    """The account as it stands."""
    held = exposures(state)
    return Standing(state.balance(), state.day_pnl(), held, sum((e.notional for e in held), ZERO))


def consider(
    turn: Turn, symbol: SymbolState, signal: Signal, account: Standing, judged: Judged | None = None
) -> bool:
    """An opposite signal closes the position and may re-enter the other way; any other goes to the gates.

    A signal of a stale bar turns nothing around: the gates refuse it, and say so. True when an entry was reserved.
    """
    position, plan, state = symbol.position, symbol.plan, turn.state
    ours = not position.flat and plan is not None and plan.strategy != plans.FOREIGN
    stale = turn.at_ms - signal.bar_at_ms > state.settings.max_signal_age_ms
    if not ours or stale or state.recovering or signal.side is position.side:
        return decide(turn, symbol, signal, account, judged)
    if symbol.closing is None:
        symbol.reversal, symbol.reversal_judged = (signal, judged) if symbol.reentry else (None, None)
        closing.start(turn, symbol, position.size, CloseReason.REVERSE)
    return False


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a person's entry has that a strategy's has not: its decision's id, the price's time, a size of its own."""

    decision_id: str
    priced_at_ms: int
    sizing: Sizing


@dataclass(frozen=True, slots=True)
class Verdict:
    """A candidate after all gates; `refused` None: it may enter."""

    candidate: Candidate
    gates: tuple[GateCheck, ...]
    refused: Refused | None


def decide(
    turn: Turn, symbol: SymbolState, signal: Signal, account: Standing, judged: Judged | None = None
) -> bool:
    """Through every gate; approved signals become an entry order with their slots and margin reserved: True."""
    if signal.side is None:
        return False
    verdict = judge(turn, symbol, signal, account, judged=judged)
    return enter(turn, symbol, verdict, f"{symbol.symbol}:{signal.bar_at_ms}").taken


def judge(
    turn: Turn,
    symbol: SymbolState,
    signal: Signal,
    account: Standing,
    by_hand: ByHand | None = None,
    judged: Judged | None = None,
) -> Verdict:
    """Size and gates of a signal with a side; changes nothing."""
    request = size_request(turn.state, symbol, signal, account)
    if by_hand is not None:
        request = replace(request, sizing=by_hand.sizing)
    candidate = Candidate(
        signal=signal,
        side=signal.side or Side.LONG,
        instrument=symbol.instrument,
        sized=size(request),
        leverage=symbol.leverage,
        judged=judged,
        priced_at_ms=by_hand.priced_at_ms if by_hand is not None else 0,
    )
    return Verdict(candidate, *check_entry(candidate, risk_book(turn, symbol, account)))


def enter(turn: Turn, symbol: SymbolState, verdict: Verdict, decision_id: str) -> Decision:
    """Record what was decided; where no gate refused, the entry order goes out with its reservation."""
    signal, sized, side = verdict.candidate.signal, verdict.candidate.sized, verdict.candidate.side
    judged = verdict.candidate.judged
    approved = approve_entry(_intent(symbol, signal, side, sized, decision_id), verdict.refused)
    client_id = ""
    if isinstance(approved, Approved):
        client_id = _enter(turn, symbol, verdict.candidate, approved)
    symbol.last_decision = Decision(
        id=decision_id,
        at_ms=turn.at_ms,
        signal=signal,
        gates=verdict.gates,
        refused_by=approved.rule if isinstance(approved, Refused) else "",
        quantity=sized.quantity,
        notional=sized.notional,
        binding=sized.binding,
        client_id=client_id,
        model_score=_score(verdict.candidate),
        model=judged.said.model if judged is not None else "",
        model_threshold=judged.threshold if judged is not None and judged.said.model else None,
    )
    turn.act(RecordDecision(symbol.last_decision))
    return symbol.last_decision


def _intent(symbol: SymbolState, signal: Signal, side: Side, sized: Sized, decision_id: str) -> Intent:
    return Intent(
        symbol=symbol.symbol,
        side=opening(side),
        purpose=Purpose.ENTRY,
        type=OrderType.MARKET,
        quantity=sized.quantity,
        decision_id=decision_id,
        expected_price=to_decimal(signal.reference_price),
    )


def _score(candidate: Candidate) -> float | None:
    return candidate.judged.said.score if candidate.judged is not None else None


def _enter(turn: Turn, symbol: SymbolState, candidate: Candidate, approved: Approved) -> str:
    signal, sized = candidate.signal, candidate.sized
    order = orders.send(turn, symbol, approved)
    pending = Pending(
        decision_id=approved.intent.decision_id,
        signal=signal,
        client_id=order.client_id,
        notional=sized.notional,
        margin=sized.margin,
        risk=sized.risk,
        planned_price=approved.intent.expected_price,
        model_score=_score(candidate),
    )
    plans.reserve(symbol, pending)
    return order.client_id


def size_request(state: EngineState, symbol: SymbolState, signal: Signal, account: Standing) -> SizeRequest:
    """What sizing is asked for this signal."""
    settings, balance = state.settings, account.balance
    return SizeRequest(
        sizing=state.sizing,
        instrument=symbol.instrument,
        entry_price=to_decimal(signal.reference_price),
        stop_price=to_level(signal.stop_price),
        balance=balance.wallet,
        base_balance=state.base_balance,
        share=symbol.settings.share,
        leverage=symbol.leverage,
        cost_rate=TWO * (symbol.instrument.taker_fee + settings.slippage_rate),
        room=_room(state, symbol, account),
        available=balance.available,
    )


def _room(state: EngineState, symbol: SymbolState, account: Standing) -> Decimal:
    """Notional that the exposure limits leave for this symbol."""
    own = sum((e.notional for e in account.exposures if e.symbol == symbol.symbol), ZERO)
    limits, equity = state.limits, account.balance.equity
    room = min(equity * limits.exposure_total - account.exposed, equity * limits.exposure_per_symbol - own)
    number = state.clusters.get(symbol.symbol)
    if limits.exposure_per_cluster and number is not None:
        alike = (e.notional for e in account.exposures if state.clusters.get(e.symbol) == number)
        room = min(room, equity * limits.exposure_per_cluster - sum(alike, ZERO))
    return max(ZERO, room)


def exposures(state: EngineState) -> tuple[Exposure, ...]:
    """Everything open or reserved."""
    found = []
    for symbol in state.symbols.values():
        side = exposure_side(symbol)
        if side is not None:
            reserved = symbol.pending.notional if symbol.pending else ZERO
            held = symbol.position.notional(symbol.mark_price) if symbol.position.quantity else ZERO
            found.append(Exposure(symbol.symbol, side, max(held, reserved)))
    return tuple(found)


def risk_book(turn: Turn, symbol: SymbolState, account: Standing) -> RiskBook:
    """The books as the rules see them for one symbol."""
    state, balance = turn.state, account.balance
    return RiskBook(
        at_ms=turn.at_ms,
        trading=state.trading,
        blocked=blocked(state),
        limits=state.limits,
        equity=balance.equity,
        wallet=balance.wallet,
        available=balance.available,
        equity_high=state.equity_high,
        day=_day(state),
        day_pnl=account.day_pnl,
        exposures=account.exposures,
        guards=_guards(state, symbol, turn.at_ms),
        max_signal_age_ms=state.settings.max_signal_age_ms,
        max_price_age_ms=state.settings.max_price_age_ms or state.settings.max_signal_age_ms,
        clusters=state.clusters,
    )


def _day(state: EngineState) -> DayFigures:
    """The day's figures; an entry on its way is one of its trades already."""
    if not state.limits.max_trades_per_day:
        return state.day
    waiting = sum(one.pending is not None and one.open_trade is None for one in state.symbols.values())
    return replace(state.day, trades=state.day.trades + waiting)


def blocked(state: EngineState) -> str:
    """What stops all entries beside the trading state, in words; empty when nothing."""
    if not state.storage_ok:
        return "the database cannot be written"
    if not state.link_up:
        return "the venue's stream is down"
    return "shutting down" if state.stopping else ""


def _guards(state: EngineState, symbol: SymbolState, at_ms: int) -> SymbolGuards:
    return SymbolGuards(
        paused=symbol.paused,
        kill=symbol.kill,
        halts=state.halts_of(symbol.symbol, at_ms),
        cooldown_bars_left=cooldown_left(state, symbol, at_ms),
        unsettled_orders=symbol.unsettled(),
        next_funding_at_ms=symbol.next_funding_at_ms,
        spread_percent=symbol.spread_percent,
    )


def cooldown_left(state: EngineState, symbol: SymbolState, at_ms: int) -> int:
    """Bars left of the pause after a loss."""
    bars = state.limits.cooldown_bars
    if not bars or not symbol.last_loss_at_ms:
        return 0
    return max(0, bars - (at_ms - symbol.last_loss_at_ms) // state.settings.bar_ms)
