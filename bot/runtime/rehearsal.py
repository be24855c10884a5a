"""A command rehearsed by a twin of the engine on a fill model: what would be asked of the venue; nothing is done."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from bot.domain.action import (
    Answer,
    AskScores,
    Cancel,
    Notify,
    PlaceModel,
    QueryOrder,
    SetLeverage,
    StartTimer,
    Submit,
    TakeSnapshot,
)
from bot.domain.command import Command
from bot.domain.event import CommandIssued, QuotesSeen
from bot.domain.market import Candle, Quote
from bot.domain.order import Order
from bot.domain.position import Position
from bot.domain.refusal import Refused
from bot.domain.signal import GateCheck, Signal
from bot.engine import orders, protection, reading, tell
from bot.engine.engine import Engine
from bot.engine.state import EngineState, SymbolState
from bot.engine.views import PositionView, SettingPreview
from bot.market.signals import SignalSource
from bot.runtime.desk import VenueCall
from bot.runtime.perform import deeds_of
from bot.runtime.simulation import Simulation
from bot.strategy import Columns, Frame, Strategy, Value
from bot.venues.matching import BookedOrder, Matching, MatchingRules, request_of
from bot.venues.matching.matching import MatchingState

QUIET_MS = 60_000
FIRST_ID = 10**15
"""Ids of the twin's executions: beyond all that the books know."""


def rehearse(
    engine: Engine, command: Command, actor: str, at_ms: int, quote: Quote | None = None
) -> tuple[VenueCall, ...]:
    """Every call that a command would lead to within a minute, in order, were each answered as the fill model does.

    `quote` is a price newer than the engine's, which comes in with the command.
    """
    simulation = _played(engine, command, actor, at_ms, quote)
    deeds = [deed for step in simulation.steps for deed in deeds_of(step.actions)]
    inside = StartTimer | AskScores | PlaceModel
    return tuple(call_of(simulation.engine.state, d) for d in deeds if not isinstance(d, inside))


def setting(engine: Engine, command: Command, actor: str, at_ms: int) -> SettingPreview | Refused:
    """What a command on settings would change, and what the next trade and open trades become."""
    simulation = _played(engine, command, actor, at_ms, None)
    actions = [action for step in simulation.steps for action in step.actions]
    (answer, *_) = [a.result for a in actions if isinstance(a, Answer)] or [Refused("preview", "no answer")]
    if isinstance(answer, Refused):
        return answer
    before, after = engine.state, simulation.engine.state
    asked = getattr(command, "symbol", "")
    name = asked if asked in before.symbols else next(iter(before.symbols))
    alarms = tuple(a.notice.title for a in actions if isinstance(a, Notify))
    return SettingPreview(
        changes=answer.changes,
        symbol=name,
        size_before=reading.preview_size(before, before.symbols[name], before.sizing),
        size_after=reading.preview_size(after, after.symbols[name], after.sizing),
        remarks=(*answer.remarks, *_gates(before, after, name), *_open_trades(before, after), *alarms),
    )


def _gates(before: EngineState, after: EngineState, name: str) -> tuple[str, ...]:
    """Whether another gate than before would refuse the next trade of a symbol, or none any more."""
    was = reading.entry_refusal(before, before.symbols[name])
    now = reading.entry_refusal(after, after.symbols[name])
    if now is not None and (was is None or was.rule != now.rule):
        return (f"but as things stand it would be refused by {now.rule}: {now.figures}",)
    if was is not None and now is None:
        return (f"as things stand it would pass; now it would be refused by {was.rule}",)
    return ()


def _open_trades(before: EngineState, after: EngineState) -> tuple[str, ...]:
    """What becomes of open trades: those that change one by one, the others together."""
    pairs = [(reading.position(symbol), after.symbols[symbol.symbol]) for symbol in before.open_symbols]
    same = [held.symbol for held, then in pairs if _same(held, then)]
    changed = [
        f"open trade {held.symbol}: margin {held.margin:.2f} at {held.leverage}x becomes "
        f"{reading.position(then).margin:.2f} at {then.leverage}x"
        for held, then in pairs
        if not _same(held, then)
    ]
    return (*([f"open trades stay as they are: {', '.join(same)}"] if same else []), *changed)


def _same(held: PositionView, then: SymbolState) -> bool:
    now = reading.position(then)
    return (held.quantity, held.margin, held.stop_price, held.target_price) == (
        now.quantity,
        now.margin,
        now.stop_price,
        now.target_price,
    )


def _played(engine: Engine, command: Command, actor: str, at_ms: int, quote: Quote | None) -> Simulation:
    """A command carried out by the twin, and the minute after it."""
    twin = twin_of(engine)
    simulation = Simulation(twin, venue_of(twin.state), journal=True)
    simulation.now_ms = at_ms
    if quote is not None:
        simulation.matching.set_price(quote.symbol, quote.last, quote.mark)
        simulation.feed(QuotesSeen(at_ms, (quote,)))
    simulation.feed(CommandIssued(at_ms, "dry", actor, command))
    _execute_rest(simulation)
    simulation.wait(at_ms + QUIET_MS)
    return simulation


def _execute_rest(simulation: Simulation) -> None:
    """What had left before and executes in parts gets its last part at the present price."""
    matching, at_ms = simulation.matching, simulation.now_ms
    for name in dict.fromkeys(order.request.symbol for order in matching.orders()):
        price = simulation.engine.state.symbols[name].last_price
        still = Candle(name, at_ms, price, price, price, price, 0.0)
        for report in matching.sweep(still, at_ms) if price else ():
            simulation.feed(simulation.remember(report))


class _Onlooker:
    """The signals as they are: may be asked, never changed."""

    def __init__(self, signals: SignalSource) -> None:
        self._signals = signals
        self.failures = dict(signals.failures)

    def on_candles(self, candles: Sequence[Candle]) -> list[Signal]:
        return []

    def explain(self, symbol: str) -> tuple[GateCheck, ...]:
        return self._signals.explain(symbol)

    def columns(self, symbol: str) -> Columns:
        return self._signals.columns(symbol)

    def frame(self, symbol: str) -> Frame:
        return self._signals.frame(symbol)

    def reconfigure(self, symbol: str, strategy: Strategy) -> None:
        """Nothing: the twin decides no bars."""

    def strategy(self, symbol: str) -> Strategy:
        return self._signals.strategy(symbol)


def twin_of(engine: Engine) -> Engine:
    """An engine with the same state, of which the first one never hears."""
    state = engine.state

    def same(symbol: str, overrides: dict[str, Value]) -> Strategy:
        return engine.signals.strategy(symbol)

    twin = Engine(state.settings, _Onlooker(engine.signals), same)
    fixed = [one for symbol in state.symbols.values() for one in _frozen(symbol)]
    twin.state = deepcopy(state, {id(one): one for one in [state.settings, *fixed] if one is not None})
    for symbol, overrides in engine.overrides.items():
        twin.overrides[symbol].update(overrides)
    return twin


def _frozen(symbol: SymbolState) -> list[object]:
    """What of a symbol never changes in place: shared with the twin, not copied."""
    values = [symbol.settings, symbol.instrument, symbol.position, symbol.open_trade, symbol.kill]
    said = [symbol.last_signal, symbol.last_decision, symbol.reversal]
    return [*values, *said, *symbol.orders.values(), *symbol.past_orders.values()]


def venue_of(state: EngineState) -> Matching:
    """A fill model that holds what our books say the venue holds, at the prices we know."""
    settings, symbols = state.settings, state.symbols.values()
    rules = MatchingRules(slippage=settings.slippage_rate, liquidate=False)
    matching = Matching(settings.instruments, state.wallet, rules)
    positions = tuple(_position(symbol) for symbol in symbols)
    resting = tuple(
        _booked(o) for s in symbols for o in s.orders.values() if o.status in protection.CONFIRMED
    )
    matching.restore(MatchingState(state.wallet, positions, resting, FIRST_ID, FIRST_ID))
    for symbol in symbols:
        price = symbol.last_price or float(symbol.position.entry_price)
        if price:
            matching.set_price(symbol.symbol, price, symbol.mark or price)
    return matching


def _position(symbol: SymbolState) -> Position:
    held = symbol.position
    margin = held.isolated_margin or held.size * held.entry_price / symbol.leverage
    return replace(held, leverage=symbol.leverage, isolated_margin=margin)


def _booked(order: Order) -> BookedOrder:
    return BookedOrder(
        request=request_of(order),
        venue_id=order.venue_id or order.client_id,
        status=order.status,
        created_at_ms=order.created_at_ms,
        updated_at_ms=order.updated_at_ms,
        filled=order.filled,
        average_price=order.average_price,
    )


def call_of(state: EngineState, deed: Submit | Cancel | QueryOrder | SetLeverage | TakeSnapshot) -> VenueCall:
    """A deed in words."""
    match deed:
        case Submit(order):
            return VenueCall("submit", order.symbol, _order_words(state, order))
        case Cancel(client_id, name):
            return VenueCall("cancel", name, f"cancel {_known_words(state, name, client_id)}")
        case QueryOrder(client_id, name):
            return VenueCall("query", name, f"ask what became of {_known_words(state, name, client_id)}")
        case SetLeverage(name, leverage):
            return VenueCall("set_leverage", name, f"set leverage {leverage}x")
        case TakeSnapshot():
            return VenueCall("snapshot", "", "ask what exists: wallet, positions, orders, fills")


def _known_words(state: EngineState, name: str, client_id: str) -> str:
    symbol = state.symbols.get(name)
    order = orders.find(symbol, client_id) if symbol is not None else None
    return f"order {client_id}" if order is None else f"the {_order_words(state, order)}"


def _order_words(state: EngineState, order: Order) -> str:
    """`close: SELL MARKET 10, reduce-only`, `stop: SELL STOP_MARKET, whole position, at 95.00`."""
    intent, instrument = order.intent, state.symbols[order.symbol].instrument
    size = "whole position" if intent.close_position else f"{intent.quantity.normalize():f}"
    words = [f"{intent.purpose.lower()}: {intent.side} {intent.type} {size}"]
    if intent.reduce_only and not intent.close_position:
        words.append("reduce-only")
    price = intent.trigger_price if intent.trigger_price is not None else intent.limit_price
    if price is not None:
        words.append(f"at {tell.price(instrument, price)}")
    return ", ".join(words)
