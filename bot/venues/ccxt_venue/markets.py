"""What ccxt asks for by itself (names of markets, and whatever its unified methods need), as our own failures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.venues.ccxt_venue.client import RawReply
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.port import VenueUnavailable


async def load_markets(gateway: CcxtGateway) -> None:
    """Let ccxt learn the names of the markets for the streams. Raises VenueUnavailable."""
    async with as_unavailable("markets"):
        await gateway.clients.load()


@asynccontextmanager
async def as_unavailable(what: str) -> AsyncIterator[None]:
    """What ccxt and the wire raise, as one short line without addresses: they may hold signatures."""
    from ccxt.base.errors import BaseError  # one second that only those pay who speak to an exchange

    try:
        yield
    except RawReply as reply:
        raise VenueUnavailable(f"{what}: HTTP {reply.status}") from None
    except (BaseError, TimeoutError, OSError) as error:
        raise VenueUnavailable(f"{what}: {type(error).__name__}") from None
