"""The past of exchanges for the command line and for running desks: which source, under which name it is stored."""

from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from bot.config.settings import Settings
from bot.domain.errors import ConfigError, StorageError
from bot.domain.modes import PositionMode
from bot.venues.binance.archive import BinanceArchive
from bot.venues.bybit.archive import BybitArchive
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.past import MakeArchive, VenuePast
from bot.venues.ccxt_venue.wire import Access, Environment, Memory
from cli.homes import HISTORY as HISTORY
from cli.venues import DIALECTS
from research.store.files import FileStore
from research.store.places import held, replace_file
from research.store.port import StoreError

ARCHIVES: Mapping[str, MakeArchive] = {"binance": BinanceArchive, "bybit": BybitArchive}
TIMEOUT_S = 10.0
GENERATED = "paper"
USUAL = "binance"


class FileMemory:
    """What must be remembered of an exchange without a database: a ban that is not over."""

    def __init__(self, path: Path) -> None:
        """`path`: a small JSON file."""
        self._path = path

    async def load(self) -> Mapping[str, str]:
        """Everything remembered; a file that cannot be read holds nothing."""
        try:
            found = orjson.loads(self._path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}

    async def save(self, key: str, value: str) -> None:
        """Remember durably. Raises StorageError."""
        kept = {**await self.load(), key: value}
        try:
            with held(self._path):
                replace_file(self._path, lambda fresh: _write(fresh, kept))
        except StoreError as error:
            raise StorageError(str(error)) from None


def _write(path: Path, kept: Mapping[str, str]) -> None:
    path.write_bytes(orjson.dumps({name: value for name, value in kept.items() if value}))


def exchange_of(settings: Settings, asked: str = "") -> str:
    """The exchange whose past is asked for: the one named, else the configured one. Raises ConfigError."""
    name = asked or (USUAL if settings.venue.name == GENERATED else settings.venue.name)
    if name not in ARCHIVES:
        where = "--venue" if asked else "venue.name"
        raise ConfigError(f"{where}: {name}: history is fetched from {', '.join(ARCHIVES)} only")
    return name


def public_access(settings: Settings) -> Access:
    """An exchange's public side, or the sandbox of the configuration: no key goes there."""
    address = settings.venue.sandbox
    if address:
        return Access(Environment.SANDBOX, rest=address, stream=address.replace("http", "ws", 1))
    return Access(Environment.LIVE)


def past_of(
    name: str, access: Access, memory: Memory, clock: Callable[[], int], timeout_s: float = TIMEOUT_S
) -> VenuePast:
    """The past of an exchange over a line of its own; an answer that takes longer than the time-out is none."""
    gateway = CcxtGateway(access, memory, clock, timeout_s=timeout_s)
    gateway.join(DIALECTS[name](gateway, memory, PositionMode.ONE_WAY))
    return VenuePast(gateway, ARCHIVES[name](gateway, access.environment))


def shared_past(gateway: CcxtGateway) -> VenuePast:
    """The past over the line of a running desk, within its rate budget. The gateway has been joined and started."""
    archive = ARCHIVES[gateway.dialect.name](gateway, gateway.environment)
    return VenuePast(gateway, archive, own=False)


def store_of(home: Path, source: str = "") -> FileStore:
    """The home's candle store; `source` for whoever writes."""
    return FileStore(home / HISTORY, source)
