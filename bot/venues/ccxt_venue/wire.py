"""What goes over the wire to an exchange: asks with their lane and weight, what comes back raw, the access used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol

from bot.venues.outcome import Answer


class Lane(IntEnum):
    """Who goes first when the rate budget is short; lower goes first."""

    PROTECT = 0
    CANCEL = 1
    ENTRY = 2
    DATA = 3
    PAST = 4


@dataclass(frozen=True, slots=True)
class Ask:
    """One REST call by the name of ccxt's raw (implicit) method, for example `fapiPrivatePostOrder`.

    Parameters are what the venue documents, numbers as text. `weight` counts against the venue's request budget,
    `orders` against its order rate. `changes`: the call may change something at the venue, so a lost answer leaves
    its outcome unknown.
    """

    method: str
    params: Mapping[str, object] = field(default_factory=dict)
    lane: Lane = Lane.DATA
    weight: int = 1
    orders: int = 0
    changes: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A raw HTTP answer. `code` is the venue's own (empty when there is none), `body` the parsed JSON or None."""

    status: int
    code: str
    words: str
    body: object
    headers: Mapping[str, str]


class Gateway(Protocol):
    """The one way to a venue's REST interface: budget, ban, clock, classification. What a venue does raises nothing."""

    @property
    def now_ms(self) -> int:
        """The venue's time as far as we know it: our clock plus the measured offset."""
        ...

    async def ask(self, ask: Ask) -> Answer:
        """Wait for room in the budget, send, classify."""
        ...


class Environment(StrEnum):
    """Which of an exchange's worlds: LIVE and TESTNET are its own addresses, SANDBOX is ours on loopback."""

    LIVE = "live"
    TESTNET = "testnet"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Access:
    """How an account is reached. `rest` and `stream` are base addresses (scheme, host, port), for SANDBOX only."""

    environment: Environment
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    rest: str = ""
    stream: str = ""


class Memory(Protocol):
    """Small facts of a venue account that must outlive the process (ban until, which stop stands for which order)."""

    async def load(self) -> Mapping[str, str]:
        """Everything remembered."""
        ...

    async def save(self, key: str, value: str) -> None:
        """Remember durably before it returns; an empty value forgets. Raises StorageError."""
        ...
