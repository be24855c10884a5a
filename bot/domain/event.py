"""What happened: a closed union. Every event carries its time; the engine knows no other clock."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.domain.command import Command
from bot.domain.fill import Fill
from bot.domain.guard import HaltKind
from bot.domain.market import Candle, FundingRate, Quote
from bot.domain.model import ModelScore
from bot.domain.notice import Notice
from bot.domain.order import OrderStatus
from bot.domain.settings import EngineSettings
from bot.domain.snapshot import Recovered, VenueSnapshot


class Outcome(StrEnum):
    """What a call to the venue came to; see bot/venues/outcome.py for how it is found."""

    DONE = "DONE"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"


class Call(StrEnum):
    """Which call an outcome belongs to."""

    SUBMIT = "SUBMIT"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Started:
    """The process started and this is what the ledger remembers. Always the first event.

    `settings` are what the engine was built with, so that the journal alone can be replayed.
    """

    at_ms: int
    recovered: Recovered
    settings: EngineSettings | None = None


@dataclass(frozen=True, slots=True)
class HistoryLoaded:
    """Candle buffers of one symbol were filled: the journal keeps the reference, the candle table the candles."""

    at_ms: int
    symbol: str
    timeframe: str
    first_open_at_ms: int
    last_open_at_ms: int
    bars: int


@dataclass(frozen=True, slots=True)
class CandlesClosed:
    """A bar of a timeframe is complete: all symbols' candles, in symbol order. `at_ms` is the close time."""

    at_ms: int
    timeframe: str
    candles: tuple[Candle, ...]


@dataclass(frozen=True, slots=True)
class ScoresCame:
    """What the models said of the signals that asked under this `number`; those it leaves out have no model."""

    at_ms: int
    number: int
    scores: tuple[ModelScore, ...]


@dataclass(frozen=True, slots=True)
class ModelPlaced:
    """What PlaceModel with the same `number` came to: in use, or (`fault`) why not."""

    at_ms: int
    number: int
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ClustersChanged:
    """Symbols are grouped anew: `groups` are symbols with the number of their cluster, in symbol order."""

    at_ms: int
    groups: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class QuotesSeen:
    """Price ticks, at most once a second per symbol, only for symbols somebody listens to."""

    at_ms: int
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class FundingRatesSeen:
    """Current funding rates and the next settlement."""

    at_ms: int
    rates: tuple[FundingRate, ...]


@dataclass(frozen=True, slots=True)
class OrderUpdated:
    """The venue reported an order's state. `code` is the venue's reason when it refused or removed the order."""

    at_ms: int
    client_id: str
    venue_id: str
    symbol: str
    status: OrderStatus
    filled: Decimal
    average_price: Decimal
    code: str = ""


@dataclass(frozen=True, slots=True)
class Filled:
    """The venue executed (part of) an order."""

    at_ms: int
    fill: Fill


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A submit or cancel call came back. `code` is the venue's or our own short reason."""

    at_ms: int
    client_id: str
    symbol: str
    call: Call
    outcome: Outcome
    code: str = ""
    venue_id: str = ""


@dataclass(frozen=True, slots=True)
class FundingPaid:
    """A funding settlement was booked at the venue: `amount` positive when received, in quote asset."""

    at_ms: int
    symbol: str
    amount: Decimal
    rate: Decimal
    payment_id: str


@dataclass(frozen=True, slots=True)
class WalletSeen:
    """The venue's wallet balance, in quote asset."""

    at_ms: int
    wallet: Decimal


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer set by StartTimer, or a job's tick, is due."""

    at_ms: int
    name: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class CommandIssued:
    """An operator's command, already authorised and confirmed by the chat layer.

    `origin` is the platform's update that it came by ("telegram:123"; empty: none): its effect is noted with it.
    """

    at_ms: int
    command_id: str
    actor: str
    command: Command
    origin: str = ""


@dataclass(frozen=True, slots=True)
class VenueLost:
    """The venue's stream is down or silent."""

    at_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class VenueRestored:
    """The venue's stream is back; a reconcile follows."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class VenueConditionChanged:
    """Something about the venue asks for a rest of entries (active), or is well again.

    Clock, maintenance, stale candles, errors; `symbol` empty = all symbols.
    """

    at_ms: int
    kind: HaltKind
    active: bool
    reason: str
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """What the venue says exists now."""

    at_ms: int
    snapshot: VenueSnapshot


@dataclass(frozen=True, slots=True)
class SnapshotFailed:
    """The venue could not be asked; nothing is concluded from that."""

    at_ms: int
    code: str


@dataclass(frozen=True, slots=True)
class StorageChanged:
    """The database was lost (usable False: no new exposure) or is back."""

    at_ms: int
    usable: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NoticeRaised:
    """Something outside the engine (a job, a platform) has something to tell people."""

    at_ms: int
    notice: Notice


@dataclass(frozen=True, slots=True)
class Stopping:
    """The process is asked to end: no new entries, unfilled entry orders cancelled, protection stays."""

    at_ms: int


type Event = (
    Started
    | HistoryLoaded
    | CandlesClosed
    | ScoresCame
    | ModelPlaced
    | ClustersChanged
    | QuotesSeen
    | FundingRatesSeen
    | OrderUpdated
    | Filled
    | CallEnded
    | FundingPaid
    | WalletSeen
    | TimerDue
    | CommandIssued
    | VenueLost
    | VenueRestored
    | VenueConditionChanged
    | SnapshotTaken
    | SnapshotFailed
    | StorageChanged
    | NoticeRaised
    | Stopping
)
