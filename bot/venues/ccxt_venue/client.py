"""ccxt's exchange objects, made so that they classify nothing, keep no clock and hide no frame.

`Clients` makes them for one dialect and access: `rest()` for asks, `socket(tap)` for one connection's streams each.
What ccxt does by itself and we do not want is off: its rate limiter, its repeats, its reading of errors (a RawReply is
raised instead), its snapshots and timers around the user stream. ccxt is imported inside functions: it takes a second.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

from bot.domain.errors import ConfigError
from bot.venues.ccxt_venue.dialect import Client
from bot.venues.ccxt_venue.narrow import Narrow
from bot.venues.ccxt_venue.wire import Access, Environment

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
PING_MS = 20_000
NEVER_MS = 10**12

type Exchange = Any
type Clock = Callable[[], int]
type ReplyCode = Callable[[object], tuple[str, str]]
type Admit = Callable[[], Awaitable[None]]

_raw: ContextVar[bool] = ContextVar("raw", default=False)


class RawReply(Exception):
    """What the venue answered, unread: HTTP status, headers, text, and the parsed JSON (None: it is none)."""

    def __init__(self, status: int, headers: Mapping[str, str], text: str, body: object) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        self.text = text
        self.body = body


class Tap(Protocol):
    """Who hears of one connection: every frame before ccxt does, and that the connection is up or gone."""

    def frame(self, frame: object) -> bool:
        """One decoded frame; True: it was news and ccxt need not read it."""
        ...

    def garbled(self) -> None:
        """A frame came that nobody can read."""
        ...

    def connected(self) -> bool:
        """A socket is open; False: nobody wants it any more."""
        ...

    def sent(self) -> None:
        """ccxt sent a frame."""
        ...

    def lost(self, reason: str) -> None:
        """The socket is gone; may be told more than once."""
        ...


class Clients:
    """Makes ccxt exchange objects for one account. `session` (an aiohttp session or what behaves like one) is shared
    by all of them and stays the caller's; without it they share one of their own."""

    def __init__(
        self,
        client: Client,
        access: Access,
        clock: Clock,
        reply_code: ReplyCode,
        session: object = None,
        timeout_s: float = TIMEOUT_S,
        admit: Admit | None = None,
    ) -> None:
        """`admit` is awaited before each call that ccxt makes by itself (markets, listen keys); it may raise."""
        self._admit = admit
        self._client = client
        self._access = access
        self._clock = clock
        self._reply_code = reply_code
        self._session = session
        self._timeout_s = timeout_s
        self._rest: Exchange = None

    def rest(self) -> Exchange:
        """The object that asks go through; always the same one. Raises ConfigError."""
        if self._rest is None:
            self._rest = self._make(None)
        return self._rest

    async def load(self) -> None:
        """Let ccxt learn the markets, which streams need for names. Raises what ccxt or the wire raise."""
        await self.rest().load_markets()

    def socket(self, tap: Tap) -> Exchange:
        """A fresh object for one connection's streams, over the same session and markets."""
        rest = self.rest()
        if rest.session is None:
            rest.open()
        made = self._make(tap, rest.session)
        made.ssl_context = rest.ssl_context
        if rest.markets:
            made.set_markets_from_exchange(rest)
        return made

    async def close(self) -> None:
        """Let go of the session, where it is our own."""
        if self._rest is not None:
            await self._rest.close()
            self._rest = None

    def _make(self, tap: Tap | None, session: object = None) -> Exchange:
        methods = _manners(self._client.exchange_id, self._clock, self._reply_code)
        base = exchange_class(self._client.exchange_id)
        if tap is not None:
            methods |= _tapping(base, tap)
        # ccxt looks its methods up by name on the class; mypy cannot know the base.
        made = type(base.__name__, (base,), {**methods, **_asking(base, self._admit)})(
            self._settings(session)
        )
        made.streaming = {**made.streaming, "keepAlive": PING_MS}
        made.timeout_on_exit = 0
        made.logger = _quiet_log()
        _check_addresses(self._access, made, in_process=self._session is not None)
        return made

    def _settings(self, session: object) -> dict[str, Any]:
        given = dict(self._client.settings)
        options = given.get("options")
        given["options"] = {**QUIET, **(dict(options) if isinstance(options, Mapping) else {}), **UNTIMED}
        given |= {"enableRateLimit": False, "timeout": int(self._timeout_s * 1000)}
        if self._access.key:
            given |= {"apiKey": self._access.key, "secret": self._access.secret}
        if self._access.environment is Environment.SANDBOX:
            given["verify"] = False  # plain HTTP on loopback: no certificates to read
        session = session or self._session
        return given | ({"session": session} if session is not None else {})


QUIET: Mapping[str, object] = {
    "maxRetriesOnFailure": 0,
    "warnOnFetchOpenOrdersWithoutSymbol": False,
    "watchBalance": {"fetchBalanceSnapshot": False, "awaitBalanceSnapshot": False},
    "watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False},
    "OHLCVLimit": 2,
    "tradesLimit": 2,
    "ordersLimit": 2,
}
# We renew the user stream's key ourselves: ccxt does it once and then never again.
UNTIMED: Mapping[str, object] = {"listenKeyRefreshRate": NEVER_MS, "maxRetriesOnFailure": 0}


def _quiet_log() -> logging.Logger:
    """ccxt tells whole requests at level DEBUG, key and signature included: never."""
    quiet = logging.getLogger("ccxt.wire")
    quiet.setLevel(logging.WARNING)
    return quiet


def capture() -> ContextVar[bool]:
    """Set to True around a call: its answer is raised as RawReply even when it is good."""
    return _raw


def exchange_class(exchange_id: str) -> type[Any]:
    """ccxt's class of that name. Raises ConfigError for a name it does not know."""
    import ccxt.pro

    if exchange_id not in ccxt.pro.exchanges:
        raise ConfigError(f"venue {exchange_id!r} is not an exchange that ccxt streams from")
    base: type[Any] = getattr(ccxt.pro, exchange_id)
    return base


def _manners(exchange_id: str, clock: Clock, reply_code: ReplyCode) -> dict[str, object]:
    """Our clock, answers raised raw, nothing secret in its text."""
    return {
        "milliseconds": lambda self: clock(),
        "nonce": lambda self: clock(),
        "handle_errors": _raiser(reply_code),
        "__repr__": lambda self: f"<{exchange_id}>",
        "__str__": lambda self: exchange_id,
    }


def _asking(base: type[Any], admit: Admit | None) -> dict[str, object]:
    """What ccxt asks for by itself passes the same gate as our own asks; a session it opens gets a narrow door."""

    async def fetch(self: Exchange, *request: Any) -> Any:
        if admit is not None and not _raw.get():
            await admit()
        return await base.fetch(self, *request)

    def open_(self: Exchange, lazy: bool = False) -> None:
        fresh = self.session is None
        base.open(self, lazy)
        if fresh and self.own_session and self.session is not None:
            self.session = Narrow(self.session)

    return {"fetch": fetch, "open": open_}


def _raiser(reply_code: ReplyCode) -> Callable[..., None]:
    def handle_errors(self: Exchange, status: int, _reason: str, _url: str, *more: Any) -> None:
        _method, headers, text, body = more[:4]
        if _raw.get() or status >= 400 or body is None or reply_code(body)[0]:
            raise RawReply(status, headers, text, body)

    return handle_errors


def _tapping(base: type[Any], tap: Tap) -> dict[str, object]:
    def handle_message(self: Exchange, client: Any, message: object) -> None:
        if tap.frame(message):
            return
        try:
            base.handle_message(self, client, message)
        except Exception as error:  # noqa: BLE001 - see below, and it is said
            # Whatever ccxt stumbles over here would end its reading of this socket without a word.
            log.warning("%s: ccxt could not read a frame (%s)", self.id, type(error).__name__)
            tap.lost("unreadable frame")

    def on_connected(self: Exchange, client: Any, message: object = None) -> None:
        base.on_connected(self, client, message)
        if not tap.connected():
            self.spawn(client.close)

    def on_error(self: Exchange, client: Any, error: object) -> None:
        base.on_error(self, client, error)
        tap.lost(f"error {type(error).__name__}")

    def on_close(self: Exchange, client: Any, code: object) -> None:
        base.on_close(self, client, code)
        tap.lost(f"closed {code}" if isinstance(code, int) else "closed")

    def client(self: Exchange, url: str) -> Any:
        known = url in (self.clients or {})
        made = base.client(self, url)
        if not known:
            made.handle_message = _guarded(made.handle_message, tap.garbled)
            made.send = _counted(made.send, tap)
        return made

    return {
        "handle_message": handle_message,
        "on_connected": on_connected,
        "on_error": on_error,
        "on_close": on_close,
        "client": client,
    }


def _guarded(handle: Callable[[Any], None], garbled: Callable[[], None]) -> Callable[[Any], None]:
    """A frame that is no JSON would end ccxt's reading of the socket without a word."""

    def guarded(message: Any) -> None:
        try:
            handle(message)
        except ValueError:
            garbled()

    return guarded


def unbreakable(base: type[Any]) -> type[Any]:
    """ccxt's class, whose sockets end with an error when a frame cannot be read: otherwise they fall silent."""
    from ccxt.base.errors import NetworkError

    def handle_message(self: Exchange, client: Any, message: object) -> None:
        try:
            base.handle_message(self, client, message)
        except Exception as error:  # noqa: BLE001 - whoever waits for this socket gets it
            client.on_error(NetworkError(f"unreadable frame ({type(error).__name__})"))

    def client(self: Exchange, url: str) -> Any:
        known = url in (self.clients or {})
        made = base.client(self, url)
        if not known:
            made.handle_message = _guarded(made.handle_message, lambda: None)
        return made

    return type(base.__name__, (base,), {"handle_message": handle_message, "client": client})


def _counted(send: Callable[[Any], Awaitable[Any]], tap: Tap) -> Callable[[Any], Awaitable[Any]]:
    async def counted(message: Any) -> Any:
        tap.sent()
        return await send(message)

    return counted


def addresses(tree: object) -> Iterator[str]:
    """Every address in ccxt's tree of addresses."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for branch in tree.values():
            yield from addresses(branch)


def _inside(address: str, *, in_process: bool) -> bool:
    """Loopback; a name under .test, which leads nowhere, for a session that has no sockets."""
    host = urlsplit(address).hostname or ""
    if in_process and host.endswith(".test"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_addresses(access: Access, exchange: Exchange, *, in_process: bool) -> None:
    """Raises ConfigError when a sandbox could lead outside, or a base address is given for the real world."""
    if access.environment is not Environment.SANDBOX:
        if access.rest or access.stream:
            raise ConfigError("addresses of one's own are for the sandbox only, never for an exchange")
        return
    api = [exchange.implode_hostname(address) for address in addresses(exchange.urls.get("api"))]
    outside = sorted({address for address in api if not _inside(address, in_process=in_process)})
    if outside:
        raise ConfigError(
            f"sandbox: {len(outside)} addresses of {exchange.id} lead outside, first {outside[0]}"
        )
