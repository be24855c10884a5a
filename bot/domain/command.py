"""What an operator may ask of the engine: a closed union; each asks for one change, the answer says from -> to."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.decision import Decision
from bot.domain.guard import Sizing
from bot.domain.model import ModelMode
from bot.domain.signal import Side


@dataclass(frozen=True, slots=True)
class Pause:
    """No new entries for `symbol` (empty: for all) until resumed; exits and protection go on."""

    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Allow new entries again for `symbol` (empty: lift the pause for all)."""

    symbol: str = ""


@dataclass(frozen=True, slots=True)
class StopTrading:
    """Stop new entries for all; kept over restarts."""


@dataclass(frozen=True, slots=True)
class StartTrading:
    """Allow new entries again after StopTrading, a pause or PROTECT."""


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Close `percent` (1..100) of one position at market."""

    symbol: str
    percent: Decimal = Decimal(100)


@dataclass(frozen=True, slots=True)
class CloseAll:
    """Close every position at market and go on trading."""


@dataclass(frozen=True, slots=True)
class PanicClose:
    """Stop trading, cancel entries, flatten `symbol` (empty: all), verify against the venue."""

    symbol: str = ""


@dataclass(frozen=True, slots=True)
class MoveStop:
    """Move the stop of a position: to `price`, to break-even, or trailing by `trail_atr` times ATR."""

    symbol: str
    price: Decimal | None = None
    break_even: bool = False
    trail_atr: Decimal | None = None


@dataclass(frozen=True, slots=True)
class MoveTarget:
    """Move the target of a position to `price`, or remove it (None)."""

    symbol: str
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class SetSizing:
    """Change how positions are sized."""

    sizing: Sizing


@dataclass(frozen=True, slots=True)
class SetLimit:
    """Change one figure of Limits, or `base_balance`, by its field name."""

    name: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class SetParameter:
    """Change one strategy parameter of one symbol (empty: of all); already checked against its range."""

    symbol: str
    name: str
    value: int | float | bool | str


@dataclass(frozen=True, slots=True)
class ParameterStep:
    """One strategy parameter of one symbol: from the value that is in use to another."""

    symbol: str
    name: str
    before: int | float | bool | str
    after: int | float | bool | str


@dataclass(frozen=True, slots=True)
class SetParameters:
    """Change strategy parameters together, all or none; already checked against their ranges.

    Refused when one of them is not what `before` says any more.
    """

    steps: tuple[ParameterStep, ...]


@dataclass(frozen=True, slots=True)
class SetReentry:
    """Switch reverse re-entry of a symbol on or off."""

    symbol: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class SwitchModel:
    """Let models judge the signals of `symbol` (empty: of all), note their scores only, or ask nobody."""

    symbol: str
    mode: ModelMode


@dataclass(frozen=True, slots=True)
class SetModelThreshold:
    """The score from which signals of `symbol` (empty: of all) pass; None: the model's own."""

    symbol: str
    threshold: Decimal | None


@dataclass(frozen=True, slots=True)
class UseModel:
    """Let `version` ("" none) be the model in use of a strategy's symbol (or `_general`, `_cluster-N`).

    Refused when another than `before` ("" none), which the person saw in use, is in use by now.
    """

    strategy: str
    symbol: str
    version: str
    before: str


@dataclass(frozen=True, slots=True)
class KillNow:
    """Set the kill switch of `symbol` (empty: of all)."""

    symbol: str = ""


@dataclass(frozen=True, slots=True)
class ResetKill:
    """Lift the kill switch of `symbol` (empty: of all); counters start anew from here."""

    symbol: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unhalt:
    """Lift the halts of `symbol` (empty: the halts of all)."""

    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Compare with the venue now."""


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """A person's entry at market, through every gate, with the strategy's stop and target of the last closed bar.

    `risk` is what the stop may lose, in quote asset, for this entry alone (None: sized as every entry is). `smallest`
    asks for the smallest order the venue takes instead: a drill, whose trade counts for no kill switch.
    """

    symbol: str
    side: Side
    risk: Decimal | None = None
    smallest: bool = False


@dataclass(frozen=True, slots=True)
class ChangeLeverage:
    """Another leverage for a symbol: takes effect when the venue has confirmed it; kept over restarts."""

    symbol: str
    leverage: int


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take over a position that is not ours: it gets a stop (see AttachStop without a price) and is managed."""

    symbol: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """Leave a position that is not ours alone until it changes; entries on its symbol stay off."""

    symbol: str


@dataclass(frozen=True, slots=True)
class AttachStop:
    """Give a position that is not ours a stop: at `price`, or (None) at the strategy's distance from the mark."""

    symbol: str
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One recorded change of a setting: JSON texts; `before` is empty when the configuration's value was in force.

    `newest` is what the newest change of the same setting made it.
    """

    key: str
    before: str
    after: str
    newest: str = ""


@dataclass(frozen=True, slots=True)
class UndoSetting:
    """Take a recorded change of settings back, where its values are still in force.

    `id` is the change's journal line (`RecordSetting.id`). The desk fills in `changes` from the ledger.
    """

    id: int
    changes: tuple[SettingChange, ...] = ()


@dataclass(frozen=True, slots=True)
class SetAlert:
    """Tell `owner` ("platform:user_id") once when the mark of `symbol` is above (or below) `price`."""

    symbol: str
    above: bool
    price: Decimal
    owner: str


@dataclass(frozen=True, slots=True)
class DropAlert:
    """Take a price alert back; `owner` empty: whoever's it is."""

    id: int
    owner: str = ""


@dataclass(frozen=True, slots=True)
class NoteTrade:
    """A note on the open trade of a symbol, or on its last closed one."""

    symbol: str
    text: str
    author: str


type Command = (
    Pause
    | Resume
    | StopTrading
    | StartTrading
    | ClosePosition
    | CloseAll
    | PanicClose
    | MoveStop
    | MoveTarget
    | SetSizing
    | SetLimit
    | SetParameter
    | SetParameters
    | SetReentry
    | SwitchModel
    | SetModelThreshold
    | UseModel
    | KillNow
    | ResetKill
    | Unhalt
    | Reconcile
    | OpenPosition
    | ChangeLeverage
    | Adopt
    | Ignore
    | AttachStop
    | UndoSetting
    | SetAlert
    | DropAlert
    | NoteTrade
)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a command changed: name, before -> after, as text for people."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What closing one position came to. Quantities in base units, prices and slippage in quote asset.

    `slippage` is against the price when the close began: what it cost, below zero what it gained.
    `took_ms` is event time from the request to flat by its fills (or to now, while `left` is not zero); `left` is what
    is still open. `verified_ms` is event time from the request to the venue's word that it is flat, 0 without that.
    `net` is profit with fees (the entry's share too) and funding: what the trade says.
    """

    symbol: str
    asked: Decimal
    done: Decimal
    left: Decimal
    average_price: Decimal
    slippage: Decimal
    net: Decimal
    took_ms: int
    verified_ms: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """The command took effect: what changed, one receipt per position closed, remarks, an entry's decision."""

    changes: tuple[Change, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    remarks: tuple[str, ...] = ()
    decision: Decision | None = None
