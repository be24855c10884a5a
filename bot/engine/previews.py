"""What commands would come to, by the very code that carries them out, changing nothing."""

from copy import copy
from decimal import Decimal

from bot.domain.command import OpenPosition
from bot.domain.instrument import to_decimal
from bot.domain.market import Quote
from bot.domain.refusal import Refused
from bot.engine import leverage as leverages
from bot.engine import manual, plans, reading
from bot.engine.pipeline import Verdict
from bot.engine.state import EngineState, SymbolState
from bot.engine.turn import Turn
from bot.engine.views import LeveragePreview, OpenPreview
from bot.market.signals import SignalSource

TWO = Decimal(2)


def opening(
    state: EngineState, signals: SignalSource, command: OpenPosition, at_ms: int, quote: Quote | None = None
) -> OpenPreview | Refused:
    """A person's entry with every gate, at the newest price: `quote` where it is newer than the engine's."""
    symbol = state.symbols.get(command.symbol)
    if symbol is None:
        return Refused("symbol", f"{command.symbol} is not traded; traded: {', '.join(state.symbols)}")
    seen = _with_quote(symbol, quote)
    verdict = manual.judged(Turn(state, max(at_ms, state.at_ms)), seen, signals, manual.Asked(command, "you"))
    return verdict if isinstance(verdict, Refused) else _opening(seen, verdict)


def _with_quote(symbol: SymbolState, quote: Quote | None) -> SymbolState:
    """The symbol as it will be when the quote has come in."""
    seen = copy(symbol)
    if quote is not None and quote.at_ms >= symbol.priced_at_ms:
        seen.last_price, seen.mark, seen.priced_at_ms = quote.last, quote.mark, quote.at_ms
        if quote.ask >= quote.bid > 0:
            seen.spread_percent = (quote.ask - quote.bid) / quote.ask * 100
    return seen


def _opening(symbol: SymbolState, verdict: Verdict) -> OpenPreview:
    candidate, sized = verdict.candidate, verdict.candidate.sized
    entry = to_decimal(candidate.signal.reference_price)
    stop, target = plans.planned_prices(symbol, candidate.signal, entry)
    distance = abs(entry - stop)
    return OpenPreview(
        symbol=symbol.symbol,
        side=candidate.side,
        strategy=symbol.settings.strategy,
        entry=entry,
        quantity=sized.quantity,
        notional=sized.notional,
        margin=sized.margin,
        leverage=candidate.leverage,
        stop=stop,
        target=target,
        reward=abs(target - entry) / distance if target is not None and distance else None,
        risk=sized.risk,
        fee=TWO * sized.notional * symbol.instrument.taker_fee,
        binding=sized.binding,
        gates=verdict.gates,
        refused_by=verdict.refused.rule if verdict.refused else "",
        figures=verdict.refused.figures if verdict.refused else "",
    )


def leverage(state: EngineState, name: str, wanted: int) -> LeveragePreview | Refused:
    """Another leverage: the open position's margin and liquidation, and the next trade's size."""
    symbol = state.symbols.get(name)
    if symbol is None:
        return Refused("symbol", f"{name} is not traded; traded: {', '.join(state.symbols)}")
    refused = leverages.refusal(state, symbol, wanted)
    if refused is not None:
        return refused
    held = None if symbol.position.flat else leverages.figures(symbol, wanted)
    after = copy(symbol)
    after.leverage = wanted
    return LeveragePreview(
        symbol=name,
        before=symbol.leverage,
        after=wanted,
        margin_before=held.margin_before if held else None,
        margin_after=held.margin_after if held else None,
        liquidation_before=held.liquidation_before if held else None,
        liquidation_after=held.liquidation_after if held else None,
        size_before=reading.preview_size(state, symbol, state.sizing),
        size_after=reading.preview_size(state, after, state.sizing),
    )
