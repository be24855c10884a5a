"""Leaders of a house joined: BTC and ETH where it does not trade them, for the features of what it trades."""

from collections.abc import Collection, Mapping
from functools import partial

from bot.domain.model import ModelMode
from bot.ml.shelf import ModelShelf
from bot.runtime.leaders import TRIES, History, Leaders
from bot.runtime.scoring import beside_of
from bot.strategy import Frame
from bot.venues.ccxt_venue.venue import CcxtVenue
from bot.venues.paper import PaperVenue
from bot.venues.port import VenueUnavailable
from cli.house import House
from cli.live_paper_venue import LivePaperVenue

PATIENCE_S = 0.4
"""Over a wire, a score waits so long for a leader's bar: a part of the time there is for scores."""
PATIENCE_HERE_S = 5.0
"""On a market in this process, whose runs must repeat exactly."""


def join_leaders(house: House, shelf: ModelShelf, beside: Mapping[str, str]) -> Leaders:
    """The leaders that the house does not trade, kept while it runs. `beside`: the symbols BTC and ETH go by."""
    symbols = house.engine.state.symbols

    def needed() -> Collection[str]:
        """Those that models in use are made of; all where any signal is scored, or noted with its features."""
        if any(state.model.mode is not ModelMode.OFF for state in symbols.values()):
            return tuple(beside.values())
        return {beside[name] for card in shelf.cards() for name in beside_of(card.features)}

    leaders = Leaders(
        beside.values() - symbols.keys(),
        house.engine.state.settings.bar_ms,
        history_of(house),
        house.now_ms,
        needed,
        1 if is_here(house) else TRIES,
    )
    house.loop.commit_listeners.append(leaders.bell.hear)
    house.beside["leaders"] = leaders.run
    return leaders


def is_here(house: House) -> bool:
    """True where the market is in this process: it has one answer, and has it at once."""
    return isinstance(house.venue, PaperVenue) and not isinstance(house.venue, LivePaperVenue)


def patience_s(house: House) -> float:
    """How long a score waits for a leader's bar."""
    return PATIENCE_HERE_S if is_here(house) else PATIENCE_S


def history_of(house: House) -> History:
    """The venue's candles, straight: what has just closed may still be put right, the store must not keep it yet."""
    venue, timeframe, bar_ms = house.venue, house.plan.timeframe, house.engine.state.settings.bar_ms

    async def from_exchange(exchange: CcxtVenue, symbol: str, bars: int) -> Frame:
        if symbol not in exchange.instruments:
            raise VenueUnavailable(f"{symbol} is not listed")
        until_ms = exchange.now_ms // bar_ms * bar_ms
        return await exchange.gateway.dialect.candles(symbol, timeframe, bars, until_ms)

    async def from_feed(symbol: str, bars: int) -> Frame:
        return (await venue.history([symbol], timeframe, bars))[symbol]

    return partial(from_exchange, venue) if isinstance(venue, CcxtVenue) else from_feed
