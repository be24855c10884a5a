"""A loopback exchange that answers what a test tells it to, and the smallest dialect over ccxt's binanceusdm."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from bot.domain.event import CallEnded, OrderUpdated
from bot.domain.instrument import Bracket, Instrument
from bot.domain.market import Candle, FundingRate, Quote, timeframe_ms
from bot.domain.order import Order
from bot.domain.snapshot import VenueSnapshot
from bot.strategy import Frame
from bot.venues.ccxt_venue.dialect import (
    Client,
    GateReport,
    KlineSeen,
    PriceSeen,
    PrivateNews,
    PublicNews,
    RateLimits,
    StreamEnded,
    StreamPlan,
    Wish,
)
from bot.venues.ccxt_venue.gateway import CcxtGateway
from bot.venues.ccxt_venue.wire import Access, Ask, Environment, Lane, Reply
from bot.venues.outcome import Verdict, done
from bot.venues.port import VenueUnavailable

T0 = 1_700_006_400_000
BAR_MS = 60_000
D = Decimal

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Notes:
    """A venue account's memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def load(self) -> Mapping[str, str]:
        return dict(self.kept)

    async def save(self, key: str, value: str) -> None:
        self.kept[key] = value


def instrument(symbol: str) -> Instrument:
    return Instrument(
        symbol, symbol[:-4], "USDT", D("0.1"), D("0.001"), D("0.001"), D(1000), D(100), D(5),
        (Bracket(D(10**9), 50, D("0.01"), D(0)),),
    )  # fmt: skip


def listing(symbols: Sequence[str]) -> dict[str, Any]:
    """An exchangeInfo with these contracts."""
    return {
        "timezone": "UTC",
        "serverTime": T0,
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [],
        "symbols": [
            {
                "symbol": s, "pair": s, "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
                "onboardDate": 0, "status": "TRADING", "baseAsset": s[:-4], "quoteAsset": "USDT",
                "marginAsset": "USDT", "pricePrecision": 1, "quantityPrecision": 3,
                "orderTypes": ["LIMIT", "MARKET"], "timeInForce": ["GTC"],
                "filters": [
                    {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.1"},
                    {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                    {"filterType": "MIN_NOTIONAL", "notional": "5"},
                ],
            }
            for s in symbols
        ],
    }  # fmt: skip


@dataclass
class Server:
    """What it was asked, what it answers, who is connected."""

    rest: str = ""
    stream: str = ""
    symbols: tuple[str, ...] = ("AAAUSDT", "BBBUSDT")
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    answers: dict[tuple[str, str], Handler] = field(default_factory=dict)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    frames: list[Any] = field(default_factory=list)
    refuse_sockets: bool = False

    def on(self, method: str, path: str, handler: Handler) -> None:
        self.answers[method, path] = handler

    def count(self, method: str, path: str) -> int:
        return sum((m, p) == (method, path) for m, p, _ in self.asked)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query) | dict(await request.post())
        self.asked.append((request.method, request.path, {k: str(v) for k, v in query.items()}))
        handler = self.answers.get((request.method, request.path))
        if handler is not None:
            return await handler(request)
        if request.path == "/fapi/v1/exchangeInfo":
            return web.json_response(listing(self.symbols))
        if request.path == "/fapi/v1/time":
            return web.json_response({"serverTime": T0})
        if request.path == "/fapi/v1/listenKey":
            return web.json_response({"listenKey": "KEY"})
        return web.json_response({"code": -1, "msg": "no such thing"}, status=404)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_sockets:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        self.paths.append(request.path)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                frame = json.loads(message.data)
                self.frames.append(frame)
                await socket.send_json({"result": None, "id": frame["id"]})
        return socket

    async def send(self, path: str, frame: object) -> None:
        """A frame, or raw text, to every open socket whose path contains this."""
        for socket, at in zip(self.sockets, self.paths, strict=True):
            if path in at and not socket.closed:
                await (socket.send_str(frame) if isinstance(frame, str) else socket.send_json(frame))

    async def drop(self, path: str) -> None:
        for socket, at in zip(self.sockets, self.paths, strict=True):
            if path in at and not socket.closed:
                await socket.close(code=1001)

    def open(self, path: str) -> int:
        return sum(
            path in at and not socket.closed for socket, at in zip(self.sockets, self.paths, strict=True)
        )


@asynccontextmanager
async def serving(**more: Any) -> AsyncIterator[Server]:
    server = Server(**more)
    app = web.Application()
    for path in ("/private/ws", "/market/ws/{n}", "/public/ws/{n}"):
        app.router.add_get(path, server.connect)
    app.router.add_route("*", "/{tail:.*}", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.rest, server.stream = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    try:
        yield server
    finally:
        for socket in server.sockets:
            if not socket.closed:
                await socket.close()
        await runner.cleanup()


def urls(rest: str, stream: str) -> dict[str, Any]:
    import ccxt.pro

    def over(tree: Any) -> Any:
        if isinstance(tree, Mapping):
            return {key: over(branch) for key, branch in tree.items()}
        return stream + "/ws" if tree.startswith("ws") else rest + "/" + tree.split("/", 3)[-1]

    return {key: over(value) for key, value in ccxt.pro.binanceusdm().describe()["urls"]["api"].items()}


class Words:
    """The smallest dialect: enough of Binance for a stream of candles and one kind of private news."""

    name = "words"
    limits = RateLimits(2400, 300, 1200)

    def __init__(self, gateway: CcxtGateway, **plan: Any) -> None:
        self.gateway = gateway
        renew = Ask("fapiPrivatePutListenKey", changes=False)
        given = {"symbols_per_socket": 100, "silent_s": 30.0, "life_s": 80_000.0, "renew": renew} | plan
        self.streams = StreamPlan(**given)
        self.frames_of: dict[str, Frame] = {}
        self.asked_candles: list[tuple[str, int]] = []
        self.snapshots: list[VenueSnapshot] = []
        self.gates: list[GateReport] = []
        self.maintained = ""
        self.fail_candles = False
        self.fail_snapshots = 0

    def client(self, access: Access) -> Client:
        options = {"fetchCurrencies": False}
        return Client("binanceusdm", {"urls": {"api": urls(access.rest, access.stream)}, "options": options})

    def reply_code(self, body: object) -> tuple[str, str]:
        bad = isinstance(body, dict) and isinstance(body.get("code"), int) and body["code"] < 0
        return (str(body["code"]), str(body.get("msg"))) if bad and isinstance(body, dict) else ("", "")

    def verdict(self, reply: Reply, ask: Ask) -> Verdict:
        by_status = {418: Verdict.BANNED, 429: Verdict.THROTTLED, 401: Verdict.AUTH}
        if reply.status in by_status:
            return by_status[reply.status]
        if reply.code == "-1021":
            return Verdict.CLOCK
        if reply.status >= 500:
            return Verdict.UNKNOWN if ask.changes else Verdict.NOT_DONE
        return Verdict.NOT_DONE if reply.code or reply.status >= 400 else Verdict.DONE

    async def server_time_ms(self) -> int:
        answer = await self.gateway.ask(Ask("fapiPublicGetTime"))
        if not answer.good or not isinstance(answer.body, dict):
            raise VenueUnavailable(answer.code)
        return int(answer.body["serverTime"])

    async def instruments(self) -> Mapping[str, Instrument]:
        return {symbol: instrument(symbol) for symbol in ("AAAUSDT", "BBBUSDT")}

    async def gate(self, wish: Wish) -> GateReport:
        return self.gates.pop(0) if self.gates else GateReport()

    async def submit(self, order: Order) -> CallEnded:
        raise NotImplementedError

    async def cancel(self, client_id: str, symbol: str, conditional: bool) -> CallEnded:
        raise NotImplementedError

    async def query(self, client_id: str, symbol: str, conditional: bool) -> OrderUpdated | CallEnded:
        raise NotImplementedError

    async def set_leverage(self, symbol: str, leverage: int) -> CallEnded:
        from bot.domain.event import Call

        return done(self.gateway.now_ms, Call.SUBMIT, "", symbol)

    async def snapshot(self, since_ms: int) -> VenueSnapshot:
        await asyncio.sleep(0)
        if self.fail_snapshots:
            self.fail_snapshots -= 1
            raise VenueUnavailable("timeout")
        self.snapshots.append(VenueSnapshot(self.gateway.now_ms, D(1000), (), ()))
        return self.snapshots[-1]

    async def candles(self, symbol: str, timeframe: str, bars: int, until_ms: int = 0) -> Frame:
        self.asked_candles.append((symbol, bars))
        if self.fail_candles or symbol not in self.frames_of:
            raise VenueUnavailable("timeout")
        return self.frames_of[symbol]

    async def quotes(self) -> tuple[Quote, ...]:
        return (Quote("AAAUSDT", self.gateway.now_ms, 99.0, 101.0, 100.0, 100.0),)

    async def funding_rates(self) -> tuple[FundingRate, ...]:
        return (FundingRate("AAAUSDT", self.gateway.now_ms, 0.0001, T0 + 8 * 3_600_000),)

    async def maintenance(self) -> str:
        return self.maintained

    def public_news(self, frame: object) -> Sequence[PublicNews]:
        if not isinstance(frame, dict) or frame.get("e") != "kline":
            return ()
        k = frame["k"]
        corners = [float(k[name]) for name in "ohlcv"]
        candle = Candle(frame["s"], k["t"], *corners)
        price = PriceSeen(frame["s"], frame["E"], last=float(k["c"]))
        return (KlineSeen(candle, k["i"], k["x"]), price)

    def private_news(self, frame: object, now_ms: int) -> Sequence[PrivateNews]:
        from bot.domain.event import WalletSeen

        if not isinstance(frame, dict):
            return ()
        if frame.get("e") == "WALLET":
            return (WalletSeen(now_ms, D(frame["w"])),)
        return (StreamEnded("expired"),) if frame.get("e") == "listenKeyExpired" else ()

    def unified(self, symbol: str) -> str:
        return f"{symbol[:-4]}/USDT:USDT"


def kline(
    symbol: str, open_at_ms: int, close: float, *, closed: bool, timeframe: str = "1m"
) -> dict[str, Any]:
    price = str(close)
    return {
        "e": "kline", "E": open_at_ms + timeframe_ms(timeframe), "s": symbol,
        "k": {
            "t": open_at_ms, "s": symbol, "i": timeframe, "o": price, "h": price, "l": price, "c": price, "v": "1",
            "x": closed,
        },
    }  # fmt: skip


def frame(symbol: str, times: Sequence[int], price: float = 100.0) -> Frame:
    column = np.full(len(times), price)
    return Frame(
        symbol, BAR_MS, np.array(times, np.int64), column, column, column, column, np.ones(len(times))
    )


def access(server: Server) -> Access:
    return Access(Environment.SANDBOX, "the-key", "the-secret", server.rest, server.stream)


@dataclass
class Time:
    """A clock that stands until it is moved."""

    ms: int = T0

    def __call__(self) -> int:
        return self.ms


@asynccontextmanager
async def gateway(server: Server, clock: Time | None = None, **more: Any) -> AsyncIterator[CcxtGateway]:
    made = CcxtGateway(access(server), more.pop("memory", Notes()), clock or Time(), **more)
    made.join(Words(made))
    await made.start()
    try:
        yield made
    finally:
        await made.close()


ORDER = Ask("fapiPrivatePostOrder", {"symbol": "AAAUSDT"}, Lane.ENTRY, 1, 1, changes=True)
READ = Ask("fapiPrivateGetOpenOrders", {"symbol": "AAAUSDT"})


async def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for happens behind sockets
            await asyncio.sleep(0.005)
