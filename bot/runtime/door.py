"""The door of the engine for prices: what changes nothing stays outside, and out of the journal.

A quote comes in when somebody needs it: its symbol is held or has orders, and the price has moved or a minute has
passed; or it moved within seconds by what the volatility guard listens for, then with the price it is measured from;
or, just before a bar, the spread is another one than the engine knows; a person enters by it,
or waits for it. What stays outside was never seen, so a replay of the journal comes to the same actions.
"""

from bot.domain.command import OpenPosition
from bot.domain.event import CandlesClosed, CommandIssued, Event, FundingRatesSeen, QuotesSeen
from bot.domain.guard import HaltKind
from bot.domain.market import MINUTE_MS, FundingRate, Quote
from bot.engine.alerts import reached
from bot.engine.guards import VOLATILITY_WINDOW_MS
from bot.engine.state import EngineState, SymbolState

MOVE = 0.001
SPREAD_CHANGE = 0.5
RATE_CHANGE = 1e-5


class Door:
    """What of the prices goes in. Keeps the last seconds' quotes of every symbol; knows no clock but theirs."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._recent: dict[str, list[Quote]] = {}
        self._inside: dict[str, Quote] = {}

    def admit(self, event: Event, state: EngineState) -> tuple[Event, ...]:
        """The events that the engine gets instead of this one: none, this one, or quotes before it."""
        if isinstance(event, QuotesSeen):
            quotes = [found for quote in event.quotes for found in self._quote(quote, state)]
            return (QuotesSeen(event.at_ms, tuple(quotes)),) if quotes else ()
        if isinstance(event, FundingRatesSeen):
            rates = tuple(rate for rate in event.rates if _news(rate, state))
            return (FundingRatesSeen(event.at_ms, rates),) if rates else ()
        if isinstance(event, CandlesClosed):
            spreads = tuple(quote for c in event.candles for quote in self._spread(c.symbol, state))
            return (QuotesSeen(event.at_ms, spreads), event) if spreads else (event,)
        if isinstance(event, CommandIssued) and isinstance(event.command, OpenPosition):
            return (*self._newest(event.command.symbol, event.at_ms), event)
        return (event,)

    def newest(self, name: str) -> Quote | None:
        """The newest quote of a symbol that came to the door."""
        recent = self._recent.get(name)
        return recent[-1] if recent else None

    def _newest(self, name: str, at_ms: int) -> tuple[Event, ...]:
        """A person's entry goes by the newest price there is."""
        quote = self.newest(name)
        if quote is None or quote is self._inside.get(name):
            return ()
        self._inside[name] = quote
        return (QuotesSeen(at_ms, (quote,)),)

    def _quote(self, quote: Quote, state: EngineState) -> list[Quote]:
        symbol = state.symbols.get(quote.symbol)
        if symbol is None or not quote.last > 0 or not quote.mark > 0:
            return []
        recent = self._recent.setdefault(quote.symbol, [])
        recent.append(quote)
        while len(recent) > 1 and recent[1].at_ms <= quote.at_ms - VOLATILITY_WINDOW_MS:
            del recent[0]
        base = _jump(recent, symbol, state)
        if base is None and not self._needed(quote, symbol) and not _awaited(quote, state):
            return []
        before = self._inside.get(quote.symbol)
        self._inside[quote.symbol] = quote
        return [base, quote] if base is not None and base is not before else [quote]

    def _needed(self, quote: Quote, symbol: SymbolState) -> bool:
        if symbol.position.flat and not symbol.orders:
            return False
        known = self._inside.get(quote.symbol)
        if known is None or quote.at_ms - known.at_ms >= MINUTE_MS:
            return True
        return _moved(quote.mark, symbol.mark) or _moved(quote.last, symbol.last_price)

    def _spread(self, name: str, state: EngineState) -> list[Quote]:
        """The newest quote, where the engine would judge by a spread that is no more."""
        symbol, recent = state.symbols.get(name), self._recent.get(name)
        if symbol is None or not recent or not recent[-1].ask >= recent[-1].bid > 0:
            return []
        quote, known, limit = recent[-1], symbol.spread_percent, float(state.limits.max_spread_percent)
        spread = (quote.ask - quote.bid) / quote.ask * 100
        same = known is not None and (spread > limit) == (known > limit)
        if same and known is not None and abs(spread - known) <= SPREAD_CHANGE * max(known, spread):
            return []
        self._inside[name] = quote
        return [quote]


def _awaited(quote: Quote, state: EngineState) -> bool:
    """True when the price is one that somebody asked to be told of."""
    return any(a.symbol == quote.symbol and reached(a, quote.mark) for a in state.alerts.values())


def _moved(now: float, known: float) -> bool:
    return not known or abs(now / known - 1) >= MOVE


def _jump(recent: list[Quote], symbol: SymbolState, state: EngineState) -> Quote | None:
    """The quote from which the price has moved by what the volatility guard listens for; None when it has not."""
    limit = float(state.limits.volatility_percent)
    halted = any(h.kind is HaltKind.VOLATILITY for h in state.halts if h.symbol == symbol.symbol)
    if not limit or halted:
        return None
    now = recent[-1].last
    far = max(recent, key=lambda quote: abs(now / quote.last - 1))
    return far if abs(now / far.last - 1) * 100 >= limit else None


def _news(rate: FundingRate, state: EngineState) -> bool:
    symbol = state.symbols.get(rate.symbol)
    if symbol is None:
        return False
    known = symbol.funding_rate
    later = rate.next_at_ms != symbol.next_funding_at_ms
    return later or known is None or abs(rate.rate - known) >= RATE_CHANGE
