"""Views read off the state: frozen answers for everybody outside the engine."""

from collections.abc import Sequence
from dataclasses import fields, replace
from decimal import Decimal

from bot.domain.guard import Limits, Sizing
from bot.domain.instrument import ZERO, to_decimal
from bot.domain.market import DAY_MS
from bot.domain.order import Order
from bot.domain.refusal import Refused
from bot.domain.signal import Side, Signal
from bot.engine import orders, pipeline, protection
from bot.engine.margin import liquidation_price
from bot.engine.state import EngineState, SymbolState
from bot.engine.turn import Turn
from bot.engine.views import (
    NO_PRICE,
    ClosePreview,
    KillView,
    LimitUse,
    PositionView,
    RiskReport,
    SizePreview,
    StatusView,
    SymbolView,
    Why,
)
from bot.market.signals import SignalSource
from bot.risk import kills
from bot.risk.book import Exposure
from bot.risk.sizing import margin_ratio, size

HUNDRED = Decimal(100)
DEFAULT_STOP = Decimal("0.02")
OFF = "off"


def status(state: EngineState) -> StatusView:
    """The desk at a glance."""
    balance = state.balance()
    high = state.equity_high
    symbols = state.symbols.values()
    return StatusView(
        at_ms=state.at_ms,
        account=state.settings.account,
        trading=state.trading,
        paused_all=state.paused,
        stopped=state.stopped,
        reconciled=not state.recovering,
        link_up=state.link_up,
        positions=tuple(position(s) for s in state.open_symbols),
        balance=balance,
        day=state.day,
        day_pnl=state.day_pnl(),
        day_limit=state.day.start_equity * state.limits.daily_loss_percent / HUNDRED,
        equity_high=high,
        drawdown_percent=max(ZERO, (high - balance.equity) / high * HUNDRED) if high else ZERO,
        halts=tuple(state.halts),
        kills=tuple(s.kill for s in symbols if s.kill),
        paused=tuple(s.symbol for s in symbols if s.paused),
        uncovered=tuple(s.symbol for s in symbols if not protection.covered(s)),
        last_bar_at_ms=state.last_bar_at_ms,
        trade_count=state.trade_count,
        storage_ok=state.storage_ok,
        blocked=pipeline.blocked(state),
    )


def position(symbol: SymbolState) -> PositionView:
    """One open position."""
    held, mark, plan, trade = symbol.position, symbol.mark_price, symbol.plan, symbol.open_trade
    unrealised = held.unrealised(mark)
    cost = held.size * held.entry_price
    shown = plan if plan and not plan.foreign else None
    return PositionView(
        symbol=symbol.symbol,
        side=held.side,
        quantity=held.size,
        entry_price=held.entry_price,
        mark_price=mark,
        notional=held.notional(mark),
        unrealised=unrealised,
        unrealised_percent=unrealised / cost * HUNDRED if cost else ZERO,
        r=unrealised / plan.risk if plan and plan.risk else None,
        stop_price=shown.stop_price if shown else None,
        target_price=shown.target_price if shown else None,
        opened_at_ms=trade.opened_at_ms if trade else 0,
        strategy=plan.strategy if plan else "",
        score=plan.score if plan else 0.0,
        model_score=plan.model_score if plan else None,
        leverage=symbol.leverage,
        margin=cost / symbol.leverage,
        liquidation_price=liquidation_price(held, symbol.leverage, symbol.instrument),
        covered=protection.covered(symbol),
        fees=trade.fees if trade else ZERO,
        funding=trade.funding if trade else ZERO,
        foreign=bool(plan and plan.foreign),
    )


def working_orders(state: EngineState, name: str = "") -> tuple[Order, ...]:
    """Live orders, oldest first per symbol."""
    chosen = [s for s in state.symbols.values() if not name or s.symbol == name]
    return tuple(order for symbol in chosen for order in symbol.orders.values())


def symbol_view(state: EngineState, symbol: SymbolState, signals: SignalSource) -> SymbolView:
    """One traded symbol."""
    cooldown = pipeline.cooldown_left(state, symbol, state.at_ms)
    halts = state.halts_of(symbol.symbol, state.at_ms)
    priced = symbol.last_price > 0
    return SymbolView(
        symbol=symbol.symbol,
        strategy=symbol.settings.strategy,
        state=_state_word(symbol, bool(halts), cooldown),
        paused=symbol.paused,
        reentry=symbol.reentry,
        halts=halts,
        kill=symbol.kill,
        cooldown_bars_left=cooldown,
        last_price=to_decimal(symbol.last_price) if priced else None,
        mark_price=to_decimal(symbol.mark) if priced else None,
        change_24h_percent=_change_24h(state, symbol, signals),
        funding_rate=symbol.funding_rate,
        next_funding_at_ms=symbol.next_funding_at_ms,
        last_candle_at_ms=symbol.last_candle_at_ms,
        leverage=symbol.leverage,
    )


def _state_word(symbol: SymbolState, halted: bool, cooldown: int) -> str:
    if symbol.kill:
        return "killed"
    if halted:
        return "halted"
    if symbol.paused:
        return "paused"
    return "cooling down" if cooldown else "trading"


def _change_24h(state: EngineState, symbol: SymbolState, signals: SignalSource) -> float | None:
    bars = DAY_MS // state.settings.bar_ms
    close = signals.frame(symbol.symbol).close
    if len(close) <= bars or not symbol.last_price:
        return None
    return float((symbol.last_price / close[-1 - bars] - 1) * 100)


def kill_view(state: EngineState, symbol: SymbolState) -> KillView:
    """One symbol's kill switch counters."""
    limits = state.limits
    found = kills.figures(list(symbol.nets), limits.kill_trades)
    return KillView(
        symbol=symbol.symbol,
        losing_run=found.losing_run,
        losing_run_limit=limits.kill_losing_run,
        trades=found.trades,
        trades_needed=limits.kill_trades,
        profit_factor=found.profit_factor,
        profit_factor_limit=limits.kill_profit_factor,
        kill=symbol.kill,
    )


def why(state: EngineState, symbol: SymbolState, signals: SignalSource) -> Why:
    """The last bar's gates, the last decision and its order."""
    decision = symbol.last_decision
    order = orders.find(symbol, decision.client_id) if decision and decision.client_id else None
    return Why(symbol.symbol, symbol.last_signal, signals.explain(symbol.symbol), decision, order)


def risk_report(state: EngineState) -> RiskReport:
    """Sizing, limits and how much of them is in use."""
    shares = [s.settings.share for s in state.symbols.values()]
    balance = state.balance()
    return RiskReport(
        sizing=state.sizing,
        limits=state.limits,
        base_balance=state.base_balance,
        margin_ratio=margin_ratio(state.sizing, balance.wallet, state.base_balance),
        share=max(shares, default=ZERO),
        leverage={s.symbol: s.leverage for s in state.symbols.values()},
        uses=_uses(state),
    )


def _uses(state: EngineState) -> tuple[LimitUse, ...]:
    limits, equity, quote = state.limits, state.equity(), state.settings.quote
    held = pipeline.exposures(state)
    total = sum((e.notional for e in held), ZERO)
    longs = sum(e.side is Side.LONG for e in held)
    day_limit = state.day.start_equity * limits.daily_loss_percent / HUNDRED
    drawdown = (state.equity_high - equity) / state.equity_high * HUNDRED if state.equity_high else ZERO
    factor = total / equity if equity > ZERO else ZERO
    return (
        LimitUse(
            "daily loss",
            f"-{day_limit:.2f} {quote} ({limits.daily_loss_percent} %)",
            f"{state.day_pnl():+.2f} {quote}",
        ),
        LimitUse("drawdown", f"{limits.drawdown_percent} %", f"{max(ZERO, drawdown):.2f} %"),
        LimitUse("positions", str(limits.max_positions), str(len(held))),
        LimitUse(
            "same direction", str(limits.max_same_direction), f"{longs} long, {len(held) - longs} short"
        ),
        LimitUse("same cluster", str(limits.max_same_cluster or OFF), _most_alike(state, held)),
        LimitUse("exposure in all", f"{limits.exposure_total} x equity", f"{factor:.2f} x"),
        LimitUse("exposure per symbol", f"{limits.exposure_per_symbol} x equity", _largest(state)),
        LimitUse("exposure per cluster", _cluster_limit(limits), _largest_cluster(state, held)),
    )


def _cluster_limit(limits: Limits) -> str:
    return f"{limits.exposure_per_cluster} x equity" if limits.exposure_per_cluster else OFF


def _by_cluster(state: EngineState, held: Sequence[Exposure]) -> dict[int, list[Exposure]]:
    found: dict[int, list[Exposure]] = {}
    for one in held:
        if one.symbol in state.clusters:
            found.setdefault(state.clusters[one.symbol], []).append(one)
    return found


def _most_alike(state: EngineState, held: Sequence[Exposure]) -> str:
    counts = {number: len(those) for number, those in _by_cluster(state, held).items()}
    most = max(counts, key=lambda number: (counts[number], -number), default=None)
    return "0" if most is None else f"{counts[most]} (cluster {most})"


def _largest_cluster(state: EngineState, held: Sequence[Exposure]) -> str:
    equity = state.equity()
    sums = {n: sum((e.notional for e in those), ZERO) for n, those in _by_cluster(state, held).items()}
    most = max(sums, key=lambda number: (sums[number], -number), default=None)
    return "0 x" if most is None or equity <= ZERO else f"{sums[most] / equity:.2f} x (cluster {most})"


def _largest(state: EngineState) -> str:
    equity = state.equity()
    held = pipeline.exposures(state)
    if not held or equity <= ZERO:
        return "0 x"
    most = max(held, key=lambda e: e.notional)
    return f"{most.notional / equity:.2f} x ({most.symbol})"


def preview_close(state: EngineState, name: str, percent: Decimal) -> ClosePreview | Refused:
    """What closing would come to at the present mark, with expected slippage."""
    symbol = state.symbols.get(name)
    if symbol is None or symbol.position.flat:
        return Refused("position", f"{name} has no open position")
    held, mark = symbol.position, symbol.mark_price
    quantity = (
        held.size if percent == HUNDRED else symbol.instrument.quantity_down(held.size * percent / HUNDRED)
    )
    slip = mark * state.settings.slippage_rate
    price = mark - slip * held.side.sign
    return ClosePreview(
        symbol=name,
        side=held.side,
        quantity=quantity,
        price=price,
        slippage=slip * quantity,
        fee=quantity * price * symbol.instrument.taker_fee,
        realised=quantity * (price - held.entry_price) * held.side.sign,
        margin_freed=quantity * held.entry_price / symbol.leverage,
    )


def preview_size(state: EngineState, symbol: SymbolState, sizing: Sizing) -> SizePreview:
    """What the next long of a symbol would be under a sizing, with the last signal's stop distance or 2 %.

    Nothing, bound by NO_PRICE, as long as no price of it is known.
    """
    if not (symbol.last_price or symbol.mark):
        return SizePreview(symbol.symbol, ZERO, ZERO, ZERO, ZERO, NO_PRICE)
    request = pipeline.size_request(state, symbol, _probe(state, symbol), pipeline.standing(state))
    sized = size(replace(request, sizing=sizing))
    return SizePreview(symbol.symbol, sized.quantity, sized.notional, sized.margin, sized.risk, sized.binding)


def entry_refusal(state: EngineState, symbol: SymbolState) -> Refused | None:
    """The first gate that would refuse a long of a symbol now; None when none would, or no price is known."""
    if not (symbol.last_price or symbol.mark):
        return None
    account, at_ms = pipeline.standing(state), max(state.at_ms, symbol.priced_at_ms)
    by_hand = pipeline.ByHand("", at_ms, state.sizing)
    return pipeline.judge(Turn(state, at_ms), symbol, _probe(state, symbol), account, by_hand).refused


def _probe(state: EngineState, symbol: SymbolState) -> Signal:
    price = symbol.last_price or symbol.mark
    return Signal(
        symbol=symbol.symbol,
        strategy=symbol.settings.strategy,
        bar_at_ms=state.at_ms,
        side=Side.LONG,
        score=0.0,
        reference_price=price,
        stop_price=price * (1 - _stop_fraction(symbol)),
    )


def _stop_fraction(symbol: SymbolState) -> float:
    decision = symbol.last_decision
    if decision is None or not decision.signal.reference_price:
        return float(DEFAULT_STOP)
    signal = decision.signal
    return abs(signal.reference_price - signal.stop_price) / signal.reference_price


def dump(state: EngineState) -> dict[str, object]:
    """Everything that must be equal in two equal runs, as plain text values in a fixed order."""
    return {
        "account": state.settings.account,
        "trading": str(state.trading),
        "wallet": f"{state.wallet:f}",
        "equity": f"{state.equity():f}",
        "high": f"{state.equity_high:f}",
        "base": f"{state.base_balance:f}",
        "day": [state.day.day, f"{state.day.realised:f}", state.day.trades, state.day.breached],
        "trades": state.trade_count,
        "bar": state.last_bar_at_ms,
        "limits": [f"{f.name}={getattr(state.limits, f.name)}" for f in fields(Limits)],
        "clusters": [f"{name}={number}" for name, number in sorted(state.clusters.items())],
        "placings": [f"{one.strategy}/{one.symbol}={one.version}" for one in state.placings.values()],
        "sizing": [f"{f.name}={getattr(state.sizing, f.name)}" for f in fields(Sizing)],
        "halts": [f"{h.symbol}/{h.kind}/{h.at_ms}" for h in state.halts],
        "symbols": [_dump_symbol(s) for s in state.symbols.values()],
    }


def _dump_symbol(symbol: SymbolState) -> list[str]:
    plan = symbol.plan
    return [
        symbol.symbol,
        f"{symbol.position.quantity:f}@{symbol.position.entry_price:f}",
        f"{plan.stop_price:f}/{plan.target_price}" if plan else "-",
        ",".join(
            f"{o.client_id}={o.status}" for o in sorted(symbol.orders.values(), key=lambda o: o.client_id)
        ),
        ",".join(f"{net:f}" for net in symbol.nets),
        f"{symbol.kill.kind if symbol.kill else '-'}/{symbol.paused}/{symbol.reentry}",
        repr(symbol.last_price),
    ]
