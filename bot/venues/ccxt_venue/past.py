"""The past of an exchange that we have a dialect for, over one gateway: its budget, its bans, its clock."""

from collections.abc import Callable, Collection

from bot.strategy import Frame
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.markets import load_markets
from bot.venues.ccxt_venue.wire import Environment, Gateway
from bot.venues.history import Archive, Page, Reach

type MakeArchive = Callable[[Gateway, Environment], Archive]


class VenuePast:
    """A HistorySource. `own`: the gateway is opened and closed with it; else it is another's and is there already."""

    def __init__(self, gateway: CcxtGateway, archive: Archive, *, own: bool = True) -> None:
        """The gateway has been joined with its dialect."""
        self._gateway = gateway
        self._archive = archive
        self._own = own
        self._name = source_name(gateway.dialect.name, gateway.environment)

    @property
    def name(self) -> str:
        """Where it comes from."""
        return self._name

    @property
    def now_ms(self) -> int:
        """The exchange's time."""
        return self._gateway.now_ms

    async def open(self) -> Collection[str]:
        """Connect; the contracts that there are, by the exchange's own names. Raises VenueUnavailable, StorageError."""
        if self._own:
            await self._gateway.start()
            await self._gateway.measure_offset()
        await load_markets(self._gateway)
        markets = self._gateway.clients.rest().markets.values()
        return frozenset(
            str(one["id"]) for one in markets if one["swap"] and one["linear"] and one["quote"] == "USDT"
        )

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int) -> Frame:
        """The last closed candles up to then."""
        return await self._gateway.dialect.candles(symbol, timeframe, bars, until_ms)

    def reach(self, kind: str) -> Reach | None:
        """How far answers of a kind go."""
        return self._archive.reach(kind)

    async def figures(self, kind: str, symbol: str, from_ms: int, to_ms: int) -> Page:
        """Figures of a span."""
        return await self._archive.figures(kind, symbol, from_ms, to_ms)

    async def close(self) -> None:
        """Disconnect, when the line is our own."""
        if self._own:
            await self._gateway.close()


def source_name(exchange: str, environment: Environment) -> str:
    """What the store remembers of where prices come from: those of a testnet are not those of the exchange."""
    return exchange if environment is Environment.LIVE else f"{exchange} {environment}"
