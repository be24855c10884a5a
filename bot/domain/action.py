"""What is to be done: a closed union. The engine returns actions; the runtime records, then performs them.

Deeds go to the venue or a clock; records go to the ledger; the rest goes to people.
"""

from dataclasses import dataclass

from bot.domain.account import Entry, EquityPoint
from bot.domain.command import Done
from bot.domain.decision import Decision
from bot.domain.fill import Fill
from bot.domain.guard import Halt, Kill, KillReset, TradingState
from bot.domain.model import ScoreAsk
from bot.domain.notice import Notice
from bot.domain.order import Order
from bot.domain.position import Position
from bot.domain.refusal import Refused
from bot.domain.snapshot import DayFigures, OpenTrade
from bot.domain.trade import Trade

PLACES = 1 << 20
"""Places of one journal line: action `index` of line `number` stands at place number x PLACES + index."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Send this order; it is recorded as INTENDED before the first byte leaves."""

    order: Order


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel this order."""

    client_id: str
    symbol: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class QueryOrder:
    """Ask the venue what became of this order."""

    client_id: str
    symbol: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class SetLeverage:
    """Set the leverage of a symbol at the venue."""

    symbol: str
    leverage: int


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Ask the venue for everything that exists, with fills and funding since `since_ms`."""

    since_ms: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Send TimerDue(name, key) at `due_at_ms`; a timer of the same name and key is replaced."""

    name: str
    key: str
    due_at_ms: int


@dataclass(frozen=True, slots=True)
class AskScores:
    """Ask the models about the signals of a bar; they wait for ScoresCame with the same `number`."""

    number: int
    asks: tuple[ScoreAsk, ...]


@dataclass(frozen=True, slots=True)
class PlaceModel:
    """Let `version` ("" none) of a place of models be in use, where `before` or it itself is: ModelPlaced answers.

    May be done again: once it is in use, nothing changes any more.
    """

    number: int
    strategy: str
    symbol: str
    version: str
    before: str


@dataclass(frozen=True, slots=True)
class RecordOrder:
    """An order is new or has changed."""

    order: Order


@dataclass(frozen=True, slots=True)
class RecordFill:
    """A fill was booked."""

    fill: Fill


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """A ledger entry was posted."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class RecordPosition:
    """A position and its open trade (None when flat) are now as given."""

    position: Position
    open_trade: OpenTrade | None


@dataclass(frozen=True, slots=True)
class RecordTrade:
    """A trade was closed."""

    trade: Trade


@dataclass(frozen=True, slots=True)
class RecordDecision:
    """A signal was decided on."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class RecordKill:
    """A kill switch was set."""

    kill: Kill


@dataclass(frozen=True, slots=True)
class RecordKillReset:
    """A kill switch was lifted or its counters restarted."""

    reset: KillReset


@dataclass(frozen=True, slots=True)
class RecordHalt:
    """A halt was set, or lifted (`lifted_at_ms` not 0)."""

    halt: Halt
    lifted_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class RecordSetting:
    """A run-time setting changed; `value` is its new JSON text, `before` and `after` are for people.

    `place` is where it stands in the journal: 0 until the ledger has it. What one command changed has one `id`.
    """

    at_ms: int
    key: str
    value: str
    actor: str
    before: str
    after: str
    place: int = 0

    @property
    def id(self) -> int:
        """The journal line of the change, by which people name it."""
        return self.place // PLACES


@dataclass(frozen=True, slots=True)
class RecordTrading:
    """The trading state changed."""

    at_ms: int
    state: TradingState


@dataclass(frozen=True, slots=True)
class RecordDay:
    """The day's counters are now as given, with the equity high and base balance they go with."""

    at_ms: int
    figures: DayFigures


@dataclass(frozen=True, slots=True)
class RecordEquity:
    """One point of the equity series."""

    point: EquityPoint


@dataclass(frozen=True, slots=True)
class RecordDifference:
    """Reconciliation found a difference: what, what we had, what the venue has, what was done about it."""

    at_ms: int
    symbol: str
    kind: str
    ours: str
    theirs: str
    done: str


@dataclass(frozen=True, slots=True)
class RecordNote:
    """A person's note on a trade: append-only. The trade is the one of `symbol` that was opened at `opened_at_ms`."""

    at_ms: int
    symbol: str
    opened_at_ms: int
    text: str
    author: str


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell people."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Answer:
    """A command's outcome, for the one who asked."""

    command_id: str
    result: Done | Refused


type Deed = Submit | Cancel | QueryOrder | SetLeverage | TakeSnapshot | StartTimer | AskScores | PlaceModel
type Record = (
    RecordOrder
    | RecordFill
    | RecordEntry
    | RecordPosition
    | RecordTrade
    | RecordDecision
    | RecordKill
    | RecordKillReset
    | RecordHalt
    | RecordSetting
    | RecordTrading
    | RecordDay
    | RecordEquity
    | RecordDifference
    | RecordNote
)
type Action = Deed | Record | Notify | Answer
