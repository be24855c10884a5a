"""The whole configuration: every setting with default, range, unit and meaning.

config.yaml and docs/configuration.md are written from these models.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from bot.config.collect import Collect
from bot.config.kinds import DATABASE_RULE, NAME_RULE, DatabaseAddress, PlainName, TimeZone
from bot.config.ml import Ml
from bot.config.people import Chat, Digests, Drill, Notices, Watchdog
from bot.config.research import Research
from bot.config.trading import Buffers, Limits, Signals, Sizing, Symbol, Symbols, Venue
from bot.config.values import Number, Section, Text, Whole, refused, setting


class Mode(StrEnum):
    """What stands behind the desk."""

    DEMO = "demo"
    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


TRADED_VENUES = ("binance", "bybit")
"""Those that pass the contract suite."""


class Synchronous(StrEnum):
    """How sure SQLite makes that a commit survives a power cut."""

    FULL = "FULL"
    NORMAL = "NORMAL"


class Level(StrEnum):
    """Which log lines are worth keeping."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class Lines(StrEnum):
    """How log lines look on the console; the log file always holds JSON."""

    TEXT = "text"
    JSON = "json"


class Storage(Section):
    """Where the books are. An address with a password belongs into DATABASE_URL, not here."""

    url: DatabaseAddress = setting(
        "",
        "Database address; empty: quarterdeck.db in the home.",
        allowed=DATABASE_RULE,
    )
    synchronous: Synchronous = setting(
        Synchronous.FULL, "FULL: commits survive a power cut; NORMAL: a crash."
    )
    journal_days: Whole = setting(0, "Journal kept; 0: for ever.", low=0, high=36_500, unit="days")
    candles_days: Whole = setting(0, "Candles kept; 0: for ever.", low=0, high=36_500, unit="days")


class Demo(Section):
    """The generated market of `quarterdeck demo`."""

    seed: Whole = setting(7, "The same seed gives the same market.", low=0, high=4_294_967_295)
    symbols: Whole = setting(8, "How many symbols the market has.", low=1, high=600)
    seconds_per_bar: Number = setting(
        Decimal(1), "How long a bar takes on the wall clock.", low="0.01", high=3600, unit="seconds"
    )
    history_bars: Whole = setting(
        1000, "Bars that lie behind when the demo starts.", low=100, high=20_000, unit="bars"
    )


class Logging(Section):
    """Log lines; the file logs/quarterdeck.log in the home turns over by itself."""

    level: Level = setting(Level.INFO, "The least that is logged.")
    console: Lines = setting(Lines.TEXT, "How lines look on the console.")


def _consent(text: str) -> str:
    if text not in {"", "i_understand"}:
        raise ValueError
    return text


type Consent = Annotated[Text, AfterValidator(_consent)]


class Settings(Section):
    """The whole configuration."""

    mode: Mode = setting(
        Mode.PAPER,
        "demo: generated market; paper: real market, orders filled here; testnet: the exchange's demo trading; "
        "live: real money.",
    )
    live: Consent = setting(
        "", "Mode live starts only with the words i_understand here.", allowed="i_understand or empty"
    )
    name: PlainName = setting(
        "main", "Name of the account; its books are kept apart by it.", allowed=NAME_RULE
    )
    timezone: TimeZone = setting("UTC", "Operator's time zone.", allowed="a name such as Europe/Berlin")
    heartbeat_s: Whole = setting(
        10, "How often status/heartbeat.json is written.", low=1, high=300, unit="seconds"
    )
    reconcile_minutes: Whole = setting(
        5, "How often the books are compared with the venue.", low=1, high=1440, unit="minutes"
    )
    strategy_paths: tuple[Text, ...] = setting(
        (), "Folders with strategies of your own.", allowed="list of folders"
    )
    desks: tuple[Text, ...] = setting(
        (),
        "Homes of further accounts that this process runs; they are commanded through this chat.",
        allowed="list of folders",
    )
    venue: Venue = setting(Venue(), "")
    symbols: Symbols = setting(
        tuple(
            Symbol(symbol=f"{base}USDT") for base in ("BTC", "ETH", "XRP", "SOL", "BNB", "DOGE", "ADA", "TRX")
        ),
        "What is traded, and how.",
        allowed="list of at least one symbol",
    )
    buffers: Buffers = setting(Buffers(), "")
    sizing: Sizing = setting(Sizing(), "")
    limits: Limits = setting(Limits(), "")
    signals: Signals = setting(Signals(), "")
    chat: Chat = setting(Chat(), "")
    notices: Notices = setting(Notices(), "")
    digests: Digests = setting(Digests(), "")
    research: Research = setting(Research(), "")
    collect: Collect = setting(Collect(), "")
    ml: Ml = setting(Ml(), "")
    watchdog: Watchdog = setting(Watchdog(), "")
    drill: Drill = setting(Drill(), "")
    storage: Storage = setting(Storage(), "")
    demo: Demo = setting(Demo(), "")
    logging: Logging = setting(Logging(), "")

    @model_validator(mode="after")
    def _meant(self) -> Self:
        if self.mode is Mode.LIVE and not self.live:
            raise refused("live trades real money; it needs the line `live: i_understand`", "mode")
        if self.mode in {Mode.TESTNET, Mode.LIVE} and self.venue.name not in TRADED_VENUES:
            raise refused(
                f"{self.venue.name} takes no orders in mode {self.mode}; allowed: binance, bybit",
                "venue",
                "name",
            )
        if self.venue.sandbox and self.mode not in {Mode.TESTNET, Mode.PAPER}:
            raise refused(
                f"a sandbox is no exchange for mode {self.mode}; allowed in testnet and paper",
                "venue",
                "sandbox",
            )
        return self

    def traded(self, listed: Sequence[str]) -> tuple[Symbol, ...]:
        """How each of the listed symbols is traded; those not configured like the first one that is."""
        known = {symbol.symbol: symbol for symbol in self.symbols}
        pattern = self.symbols[0]
        return tuple(known.get(name) or pattern.model_copy(update={"symbol": name}) for name in listed)
