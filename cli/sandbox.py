"""`quarterdeck sandbox`: exchanges on loopback that speak Binance's and Bybit's protocols, until told to stop."""

import asyncio
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from bot.domain.errors import ConfigError
from bot.domain.market import MINUTE_MS
from bot.runtime.clock import WallClock
from cli.markets import Market, candle_market, generated_market
from sandbox.exchange.serving.control import ControlServer
from sandbox.exchange.serving.endpoints import check_requests
from sandbox.exchange.serving.errors import Refusal
from sandbox.exchange.serving.fault_file import FaultPlan, load_faults
from sandbox.exchange.serving.pace import Pace
from sandbox.exchange.serving.server import StageServer
from sandbox.exchange.serving.stage import Stage
from sandbox.exchange.serving.venues import VENUES, Setting, key_of, open_stage

BOTH = "both"
SEED = 7
SYMBOLS = 8
TIMEFRAME = "1m"
WARM_UP_BARS = 1_000
PREPARED, PREPARED_BARS = "15m", 1_000
RANGES: Mapping[str, tuple[str, float, float]] = {
    "port": ("0 (any free one), or a port", 0, 65_533),
    "symbols": ("a number of symbols", 1, 600),
    "seed": ("a seed", 0, 4_294_967_295),
    "speed": ("seconds at the exchange per second, 0 to stand still,", 0, 3_600),
}


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What was asked on the command line."""

    venue: str = "binance"
    port: int = 0
    symbols: int | None = None
    candles: Path | None = None
    seed: int | None = None
    speed: float = 1.0
    faults: Path | None = None


def check_options(options: SandboxOptions) -> None:
    """What makes no sense is refused before anything is built."""
    if options.venue not in {*VENUES, BOTH}:
        raise ConfigError(f"--venue {options.venue}: is not allowed; allowed: {', '.join(VENUES)}, {BOTH}")
    for name, (meaning, low, high) in RANGES.items():
        given = getattr(options, name)
        if given is not None and not low <= given <= high:
            raise ConfigError(f"--{name} {given}: is not allowed; {meaning} from {low:_} to {high:_}")
    if options.candles and (options.seed is not None or options.symbols is not None):
        raise ConfigError("--candles: the files say which symbols there are; leave --seed and --symbols away")


def run_sandbox(options: SandboxOptions) -> int:
    """Serve until SIGINT or SIGTERM."""
    check_options(options)
    try:
        plan = load_faults(options.faults) if options.faults else FaultPlan()
    except Refusal as error:
        raise ConfigError(f"--faults {error}") from None
    return asyncio.run(_serve(options, plan))


async def _serve(options: SandboxOptions, plan: FaultPlan) -> int:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told.set)
    try:
        async with serving(options, plan) as (line, living):
            sys.stdout.write(orjson.dumps(line).decode() + "\n")
            sys.stdout.flush()
            ending = asyncio.ensure_future(told.wait())
            await asyncio.wait([ending, living], return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
            if not told.is_set():
                living.result()  # an exchange that stopped living is no quiet market
    except OSError as error:
        raise ConfigError(f"--port {options.port}: {error.strerror or error}") from None
    return 0


@asynccontextmanager
async def serving(
    options: SandboxOptions, plan: FaultPlan
) -> AsyncIterator[tuple[dict[str, object], asyncio.Future[None]]]:
    """Everything up: the line to print, and the task that lets the exchanges live."""
    market = _market(options)
    stages = _stages(options, market, plan)
    for stage in stages:  # a bot that starts asks for the candles of all symbols at once
        stage.exchange.prepare(PREPARED, PREPARED_BARS)
    pace = Pace(stages, asyncio.get_running_loop().time, options.speed)
    if (
        not options.candles
    ):  # what was prepared took its time; the exchange's clock must not lag behind ours by it
        pace.skip(max(0, WallClock().now_ms() - pace.now_ms))
    token = secrets.token_urlsafe(16)
    async with AsyncExitStack() as stack:
        ports = [options.port + place if options.port else 0 for place in range(len(stages) + 1)]
        servers = [
            await stack.enter_async_context(StageServer(stage, port))
            for stage, port in zip(stages, ports, strict=False)
        ]
        control = await stack.enter_async_context(ControlServer(stages, pace, token, ports[-1]))
        living = asyncio.ensure_future(pace.run())
        stack.callback(living.cancel)
        pairs = zip(stages, servers, strict=True)
        line: dict[str, object] = {
            "venues": {stage.name: _place(stage, server, _seed(options)) for stage, server in pairs},
            "control": control.address,
            "symbols": len(stages[0].exchange.instruments),
            "timeframe": market.feed.timeframe,
            "market": market.title,
            "now_ms": pace.now_ms,
            "speed": options.speed,
        }
        yield line, living


def _place(stage: Stage, server: StageServer, seed: int) -> dict[str, str]:
    key = key_of(stage.name, seed)
    return {"rest": server.rest, "stream": server.stream, "api_key": key.key, "secret": key.secret}


def _seed(options: SandboxOptions) -> int:
    return SEED if options.seed is None else options.seed


def _market(options: SandboxOptions) -> Market:
    if options.candles:
        return candle_market([options.candles], None, WARM_UP_BARS)
    return generated_market(_seed(options), options.symbols or SYMBOLS, WARM_UP_BARS, TIMEFRAME)


def _stages(options: SandboxOptions, market: Market, plan: FaultPlan) -> list[Stage]:
    """A generated market lives now; real candles live when they were."""
    wall_ms = WallClock().now_ms
    now = market.starts_at_ms if options.candles else max(market.starts_at_ms, wall_ms())
    setting = Setting(
        feed=market.feed,
        instruments=market.instruments,
        start_at_ms=now // MINUTE_MS * MINUTE_MS if options.candles else now,
        seed=_seed(options),
        speed=options.speed,
        wall_ms=wall_ms,
    )
    names = tuple(VENUES) if options.venue == BOTH else (options.venue,)
    try:
        stages = [open_stage(name, setting, plan) for name in names]
        check_requests(plan.rules, [stage.protocol for stage in stages])
    except Refusal as error:
        raise ConfigError(f"--faults {options.faults}: {error}") from None
    return stages
