"""`quarterdeck demo`: the whole bot on a generated market or on real candles, with a console or for scripts."""

import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from bot.config import load_text
from bot.domain.errors import ConfigError
from bot.runtime.clock import ManualClock, WallClock
from cli.headless import Script
from cli.homes import load, resolve_home
from cli.jobs import build_jobs
from cli.live import LateClock, Running, begin_log, ended_by_signals, run_to_end, talk
from cli.markets import Market, choose_market
from cli.venues import PaperOn
from cli.wiring import Blueprint, House, open_house
from handlers.cards import clock
from handlers.format import count, money
from handlers.market_clock import ClockControl

BATCH = 256
CUT_SHORT = 130
FILLED_HERE = "orders are filled here"
WELCOME = """
Quarterdeck - a trading desk that you command from chat.

This is the real bot on {market}: {fills}, no money is at risk, no account is needed.
A 15 minute bar takes {seconds} s; notices come in as things happen. Five commands to try:

  /status          what is open and how the desk stands
  /why BTCUSDT     why a symbol trades or does not, gate by gate
  /chart BTCUSDT   candles with entries, stop and target
  /equity          the equity curve with its drawdown
  /panic_close     flatten everything, proven

/help lists the rest, /clock turns the market's clock, Tab completes, Ctrl-C leaves.
"""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What was asked on the command line."""

    home: Path | None = None
    config: Path | None = None
    venue: str = "paper"
    candles: tuple[Path, ...] = ()
    rules: tuple[Path, ...] = ()
    seed: int | None = None
    symbols: int | None = None
    seconds_per_bar: float | None = None
    bars: int | None = None
    commands: tuple[str, ...] = ()
    timed: tuple[tuple[int, str], ...] = ()
    confirm: bool = False
    json: bool = False

    @property
    def headless(self) -> bool:
        """Scripts name bars, commands or JSON; people name none of them."""
        return self.bars is not None or bool(self.commands or self.timed) or self.json

    @property
    def exchange(self) -> str:
        """Whose protocol the sandbox speaks; empty: orders are filled here."""
        return SANDBOXES.get(self.venue, "")

    @property
    def keeps_home(self) -> bool:
        """A script that names no home gets a fresh one, so that the same script gives the same result.

        So does a sandbox: its exchange forgets everything when it ends.
        """
        throwaway = self.headless or self.exchange
        return self.home is not None or not throwaway or "QUARTERDECK_HOME" in os.environ


SANDBOXES = {"sandbox": "binance", "sandbox-binance": "binance", "sandbox-bybit": "bybit"}
RANGES: Mapping[str, tuple[str, float, float]] = {
    "bars": ("a number of bars", 0, 1_000_000_000),
    "seed": ("a seed", 0, 4_294_967_295),
    "symbols": ("a number of symbols", 1, 600),
    "seconds_per_bar": ("seconds per bar", 0.01, 3600),
}
OPTION_NAMES = {"seconds_per_bar": "speed"}


def check_options(options: DemoOptions) -> None:
    """Numbers that make no sense are refused before anything is built."""
    if options.venue not in {"paper", *SANDBOXES}:
        raise ConfigError(f"--venue {options.venue}: is not allowed; allowed: paper, {', '.join(SANDBOXES)}")
    if options.exchange and (options.candles or options.rules):
        raise ConfigError(
            f"--venue {options.venue}: serves the generated market; leave --candles and --rules away"
        )
    for name, (meaning, low, high) in RANGES.items():
        given = getattr(options, name)
        if given is not None and not low <= given <= high:
            option = OPTION_NAMES.get(name, name)
            raise ConfigError(f"--{option} {given}: is not allowed; {meaning} from {low:_} to {high:_}")


def run_demo(options: DemoOptions) -> int:
    """Run until the market, the script or the person ends it."""
    check_options(options)
    scratch = nullcontext("") if options.keeps_home else tempfile.TemporaryDirectory(prefix="quarterdeck-")
    with scratch as folder:
        home = resolve_home(Path(folder) if folder else options.home, os.environ)
        work = run_headless if options.headless else run_interactive
        if options.exchange:
            from cli.demo_exchange import run_headless_exchange, run_interactive_exchange

            work = run_headless_exchange if options.headless else run_interactive_exchange
        return run_to_end(work(options, home), CUT_SHORT if options.headless else 0)


async def run_interactive(options: DemoOptions, home: Path) -> int:
    """Run with a console until the person leaves."""
    plan, market = plan_demo(options, home)
    begin_log(plan.loaded, console=False)
    seconds = options.seconds_per_bar or float(plan.loaded.settings.demo.seconds_per_bar)
    late = LateClock(seconds, plan.timeframe)
    now = WallClock().now_ms
    plan = replace(plan, wall_ms=now, started_at_ms=now(), context=(late.control(),))
    with ended_by_signals() as ending:
        async with open_house(plan) as house:
            running = Running(house, late.begin(house.now_ms()))
            ending.ends(running)
            running.begin("market", running.pace())
            open_positions = await converse(house, running, welcome(market, seconds) + resumed(house))
    sys.stdout.write(goodbye(open_positions, home))
    return 0


async def converse(house: House, running: Running, words: str) -> int:
    """The desk runs and talks until the person leaves; answers how many positions are open then."""
    jobs = build_jobs(house, running.clock)
    await jobs.start()
    running.begin("timers", running.fire_timers())
    running.begin("console", talk(house, running, words))
    await running.until_stopped()
    await jobs.stop()
    return len(house.desk.status().positions)


def welcome(market: Market, seconds: float, fills: str = FILLED_HERE) -> str:
    """The first screen: what this is, and five commands to try. `fills` says where orders are filled."""
    notes = "".join(f"{note}\n" for note in market.notes)
    return notes + WELCOME.format(market=market.title, fills=fills, seconds=f"{seconds:g}")


def resumed(house: House) -> str:
    """What a later start says: where it goes on."""
    status = house.desk.status()
    if house.now_ms() <= (house.plan.start_at_ms or 0):
        return ""
    at = clock(house.desk).full(house.now_ms())
    held = count(len(status.positions), "open position")
    equity = money(status.balance.equity, house.desk.about.quote, signed=False)
    return f"It goes on where it was left, on {at}: equity {equity}, {held}, compared with the venue.\n"


def goodbye(open_positions: int, home: Path) -> str:
    """The last words: what is kept."""
    held = (
        f"{open_positions} open position{'s' if open_positions != 1 else ''} with their stops are"
        if open_positions
        else "Everything is"
    )
    return f"\n{held} saved in {home}. The next start goes on from here.\n"


async def run_headless(options: DemoOptions, home: Path) -> int:
    """Run a script; exit code 1 when one of its commands was refused."""
    plan, market = plan_demo(options, home)
    for note in market.notes:
        sys.stderr.write(f"{note}\n")
    with ended_by_signals():
        async with open_house(replace(plan, commit_batch=BATCH, context=(ClockControl(),))) as house:
            bars = market.bars_ahead(house.now_ms()) if options.bars is None else options.bars
            return await run_script(house, options, bars)


async def run_script(house: House, options: DemoOptions, bars: int) -> int:
    """Bars and commands as asked; exit code 1 when a command was refused."""
    build_jobs(house, ManualClock(house.now_ms()))  # for /schedule to show; a script runs none
    script = Script(house, options.commands, options.timed, confirm=options.confirm, as_json=options.json)
    ok = await script.run(bars)
    script.summary()
    return 0 if ok else 1


def plan_demo(options: DemoOptions, home: Path) -> tuple[Blueprint, Market]:
    """What a demo is built from: the defaults, or the configuration that was named."""
    loaded = load(home, options.config, os.environ) if options.config else load_text("{}", home, os.environ)
    demo = loaded.settings.demo
    market = choose_market(
        options.candles,
        options.rules,
        seed=demo.seed if options.seed is None else options.seed,
        symbols=options.symbols or demo.symbols,
        history=demo.history_bars,
    )
    plan = Blueprint(
        home=home,
        loaded=loaded,
        mode="demo",
        account=f"paper:demo:{market.name}",
        timeframe=market.feed.timeframe,
        symbols=market.feed.symbols,
        make_venue=PaperOn(market.feed, market.instruments, market.starts_at_ms),
        start_at_ms=market.starts_at_ms,
        synchronous="NORMAL",
    )
    return plan, market
