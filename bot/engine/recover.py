"""Start is recovery, always: what the ledger remembers becomes state, then the venue is asked for the truth."""

from decimal import Decimal

from bot.domain.action import RecordHalt, RecordTrading, StartTimer
from bot.domain.decision import Decision
from bot.domain.event import Started
from bot.domain.guard import CONDITIONS, TradingState
from bot.domain.instrument import ZERO, to_level
from bot.domain.order import CloseReason, OrderSide, Purpose
from bot.domain.signal import Side
from bot.domain.snapshot import Recovered
from bot.engine import accounting, clusters, flattening, keeping, leverage, orders, placing, plans, scoring
from bot.engine.state import Closing, EngineState, Pending, SymbolState
from bot.engine.turn import Turn


def on_start(turn: Turn, event: Started) -> None:
    """Take over what the ledger remembers and ask the venue what exists."""
    state, recovered = turn.state, event.recovered
    _take_account(state, recovered)
    _take_leverages(state, recovered)
    _take_positions(state, recovered)
    for symbol in state.symbols.values():
        _take_closing(turn, symbol)
    _take_kept(turn, recovered)
    _take_guards(state, recovered)
    _forget_conditions(turn)
    _take_results(state, recovered)
    state.proven_at_ms = _proven_at(turn, recovered)
    turn.look()


def _proven_at(turn: Turn, recovered: Recovered) -> int:
    """Up to when our books are known to be whole; what the account did before our first order is not ours."""
    if recovered.last_fill_at_ms:
        return recovered.last_fill_at_ms
    return min((order.created_at_ms for order in recovered.orders), default=turn.at_ms)


def _take_account(state: EngineState, recovered: Recovered) -> None:
    state.first_start = recovered.first_start or not recovered.base_balance
    state.wallet = recovered.wallet
    state.base_balance = recovered.base_balance
    state.equity_high = state.recorded_high = recovered.equity_high
    state.day = recovered.day
    state.sizing = recovered.sizing or state.sizing
    state.limits = recovered.limits or state.limits
    state.stopped = recovered.trading is TradingState.STOPPED
    state.paused = recovered.trading is TradingState.PAUSED
    state.protect = recovered.trading is TradingState.PROTECT
    state.last_bar_at_ms = recovered.last_bar_at_ms
    for symbol in state.symbols.values():  # a bar may have come some time after its close
        symbol.last_bar_at_ms = recovered.last_bar_at_ms // state.settings.bar_ms * state.settings.bar_ms
    state.last_fill_at_ms = recovered.last_fill_at_ms
    state.trade_count = recovered.trade_count
    state.order_count = recovered.order_count
    for trade_id in recovered.last_trade_ids:
        state.booked[f"fill:{trade_id}"] = None
    for payment_id in recovered.last_payment_ids:
        state.booked[f"funding:{payment_id}"] = None


def _take_leverages(state: EngineState, recovered: Recovered) -> None:
    found = keeping.kept(recovered.kept)
    for symbol in state.symbols.values():
        kept = found.get(leverage.key(symbol.symbol), symbol.settings.leverage)
        symbol.leverage = min(int(kept), symbol.instrument.max_leverage)


def _take_positions(state: EngineState, recovered: Recovered) -> None:
    for position in recovered.positions:
        if position.symbol in state.symbols:
            state.symbols[position.symbol].position = position
    for trade in recovered.open_trades:
        if trade.plan.symbol in state.symbols:
            state.symbols[trade.plan.symbol].open_trade = trade
            state.symbols[trade.plan.symbol].carried = accounting.carried(trade)
    for order in recovered.orders:
        if order.symbol in state.symbols:
            orders.keep(state.symbols[order.symbol], order)
    for decision in recovered.decisions:
        _take_pending(state, decision)


def _take_closing(turn: Turn, symbol: SymbolState) -> None:
    """A close was on its way: it is carried on, whether or not its orders had left."""
    closes = symbol.live(Purpose.CLOSE)
    left = sum((order.remaining for order in closes), ZERO)
    if closes:
        reason = closes[0].intent.reason or CloseReason.MANUAL
        intent = closes[0].intent
        side = Side.LONG if intent.side is OrderSide.SELL else Side.SHORT
        symbol.closing = Closing(reason, side, left, left, turn.at_ms, intent.expected_price)


def _take_kept(turn: Turn, recovered: Recovered) -> None:
    found = keeping.kept(recovered.kept)
    keeping.take_flattens(turn.state, found.get(keeping.FLATTENS, []))
    alone = {name: found.get(f"ignored:{name}") for name in turn.state.symbols}
    turn.state.ignored = {name: Decimal(quantity) for name, quantity in alone.items() if quantity is not None}
    keeping.take_alerts(turn.state, found.get(keeping.ALERTS))
    clusters.take(turn.state, found.get(clusters.KEY))
    placing.resume(turn, found.get(keeping.PLACINGS, []))
    for name, symbol in turn.state.symbols.items():
        use = found.get(scoring.key(name))
        symbol.model = symbol.settings.model if use is None else scoring.read_use(use)
    for task in turn.state.flattens:
        turn.act(StartTimer(flattening.FLATTEN_TIMER, task.command_id, turn.at_ms + flattening.ANSWER_MS))


def _take_pending(state: EngineState, decision: Decision) -> None:
    """An entry order was on its way: its fills must find the plan they were made for."""
    symbol = state.symbols.get(decision.signal.symbol)
    order = orders.find(symbol, decision.client_id) if symbol else None
    if symbol is None or order is None:
        return
    stop = to_level(decision.signal.stop_price)
    symbol.last_decision = decision
    pending = Pending(
        decision_id=decision.id,
        signal=decision.signal,
        client_id=decision.client_id,
        notional=decision.notional,
        margin=decision.notional / symbol.leverage,
        risk=abs(order.intent.expected_price - stop) * decision.quantity,
        planned_price=order.intent.expected_price,
        model_score=decision.model_score,
    )
    plans.reserve(symbol, pending)
    if order.status.final:
        symbol.pending = None


def _take_guards(state: EngineState, recovered: Recovered) -> None:
    state.halts = [halt for halt in recovered.halts if not halt.symbol or halt.symbol in state.symbols]
    for kill in recovered.kills:
        if kill.symbol in state.symbols:
            state.symbols[kill.symbol].kill = kill
    for name in recovered.paused:
        if name in state.symbols:
            state.symbols[name].paused = True
    for name in recovered.no_reentry:
        if name in state.symbols:
            state.symbols[name].reentry = False


def _forget_conditions(turn: Turn) -> None:
    """What was wrong with the venue or the line to it says nothing about now: it is told again where it still holds."""
    for halt in [halt for halt in turn.state.halts if halt.kind in CONDITIONS and not halt.until_ms]:
        turn.state.halts.remove(halt)
        turn.act(RecordHalt(halt, lifted_at_ms=turn.at_ms))


def _take_results(state: EngineState, recovered: Recovered) -> None:
    for trade in recovered.recent_trades:
        symbol = state.symbols.get(trade.symbol)
        if symbol is not None:
            accounting.count_result(state, symbol, trade)


def ready(turn: Turn) -> None:
    """The books agree with the venue for the first time: from here on entries are allowed."""
    turn.state.recovering = False
    for symbol in turn.state.symbols.values():
        changed = (
            symbol.leverage != symbol.settings.leverage
        )  # the venue may have been told the configuration's
        if symbol.position.flat or changed:  # else under an open position the leverage stays as it is
            leverage.send(turn, symbol, symbol.leverage)
    turn.act(RecordTrading(turn.at_ms, turn.state.lasting))
