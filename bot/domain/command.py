"""What an operator may ask of the engine: a closed union; each asks for one change, the answer says from -> to."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.guard import Sizing


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
class SetReentry:
    """Switch reverse re-entry of a symbol on or off."""

    symbol: str
    enabled: bool


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
    | SetReentry
    | KillNow
    | ResetKill
    | Unhalt
    | Reconcile
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

    `took_ms` is event time from the request to flat; `left` is what could not be closed.
    """

    symbol: str
    asked: Decimal
    done: Decimal
    left: Decimal
    average_price: Decimal
    slippage: Decimal
    net: Decimal
    took_ms: int


@dataclass(frozen=True, slots=True)
class Done:
    """The command took effect: what changed, one receipt per position closed, remarks."""

    changes: tuple[Change, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    remarks: tuple[str, ...] = ()
