"""What every demo has in common, whatever stands behind it: its options, its words, its conversation, its script."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.runtime.clock import ManualClock
from cli.headless import Script
from cli.house import House
from cli.jobs import build_jobs
from cli.live import Running, open_front, open_local_door, talk
from cli.markets import Market
from handlers.cards import clock
from handlers.format import count, money

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


async def converse(house: House, running: Running, words: str) -> int:
    """The desk runs and talks until the person leaves; answers how many positions are open then."""
    jobs = build_jobs(house, running.clock)
    await jobs.start()
    running.begin("timers", running.fire_timers())
    open_local_door(running)
    open_front(running)
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
    several = f"{open_positions} open positions with their stops are"
    held = {0: "Everything is", 1: "1 open position with its stop is"}.get(open_positions, several)
    return f"\n{held} saved in {home}. The next start goes on from here.\n"


async def run_script(house: House, options: DemoOptions, bars: int) -> int:
    """Bars and commands as asked; exit code 1 when a command was refused."""
    build_jobs(house, ManualClock(house.now_ms()))  # for /schedule to show; a script runs none
    script = Script(house, options.commands, options.timed, confirm=options.confirm, as_json=options.json)
    ok = await script.run(bars)
    script.summary()
    return 0 if ok else 1
