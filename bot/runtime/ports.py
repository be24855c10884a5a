"""Contracts that storage fulfils for the runtime: one way in (`commit`), a few questions, and the chat layer's books.

All of them are bound to one account (venue + mode + name): nothing of another account is ever read or written.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.account import Entry, EquityPoint
from bot.domain.action import Action, RecordDifference, RecordNote, RecordSetting
from bot.domain.decision import Decision
from bot.domain.event import Event
from bot.domain.guard import KillReset
from bot.domain.model import ModelScore, ScoreAsk
from bot.domain.notice import Notice, Severity
from bot.domain.snapshot import Recovered
from bot.domain.trade import Trade
from bot.strategy import Frame
from bot.venues.books import PaperBooks as PaperBooks
from bot.venues.books import PaperRow as PaperRow


@dataclass(frozen=True, slots=True)
class Step:
    """One event with what the engine returned for it; `number` counts from 1 per account, without holes."""

    number: int
    event: Event
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One journal line: the event as recorded and the digest (sha256, hex) of the actions it led to."""

    number: int
    event: Event
    actions_digest: str


@dataclass(frozen=True, slots=True)
class TradeQuery:
    """Which closed trades: the newest `limit` (0 = all) of `symbol` (empty = all) closed at or after `since_ms`."""

    limit: int = 0
    symbol: str = ""
    since_ms: int = 0


class Scorer(Protocol):
    """The models, as the runtime asks them."""

    async def scores(self, asks: Sequence[ScoreAsk]) -> Sequence[ModelScore]:
        """What they say of signals of one bar, in any order; finite figures, faults named; none for those without."""
        ...


class Placer(Protocol):
    """Puts other models in use, as the runtime asks it."""

    async def place(self, strategy: str, symbol: str, version: str, before: str) -> str:
        """Let `version` ("" none) be in use where `before` or it itself is; answers why it was not done, or nothing.

        May be asked again for the same.
        """
        ...


class Ledger(Protocol):
    """The books. `commit` is atomic and durable before it returns; raises StorageError."""

    async def commit(self, steps: Sequence[Step]) -> None:
        """Write journal lines, every Record action, INTENDED orders of Submit actions and notices, in one go."""
        ...

    async def recover(self) -> Recovered:
        """What the ledger remembers of this account."""
        ...

    async def last_step(self) -> int:
        """Number of the newest journal line, 0 when there is none."""
        ...

    def journal(self, first: int, last: int) -> AsyncIterator[JournalRow]:
        """Journal lines `first` to `last` (inclusive, 0 = to the end), oldest first."""
        ...

    async def save_candles(self, timeframe: str, frames: Mapping[str, Frame]) -> None:
        """Upsert candles."""
        ...

    async def candles(
        self, symbol: str, timeframe: str, first_open_at_ms: int, last_open_at_ms: int
    ) -> Frame:
        """Stored candles of one symbol between two opening times (inclusive), oldest first."""
        ...

    async def trades(self, query: TradeQuery) -> tuple[Trade, ...]:
        """Closed trades, oldest first."""
        ...

    async def decisions(self, limit: int, symbol: str = "") -> tuple[Decision, ...]:
        """The newest decisions, newest first."""
        ...

    async def equity(self, since_ms: int, most: int = 2000) -> tuple[EquityPoint, ...]:
        """The equity series, oldest first, thinned evenly to at most `most` points (extremes kept)."""
        ...

    async def entries(self, since_ms: int) -> tuple[Entry, ...]:
        """Ledger entries since a time, oldest first."""
        ...

    async def settings(self, limit: int) -> tuple[RecordSetting, ...]:
        """The newest run-time changes, newest first."""
        ...

    async def kill_resets(self, limit: int) -> tuple[KillReset, ...]:
        """The newest kill resets, newest first."""
        ...

    async def differences(self, limit: int) -> tuple[RecordDifference, ...]:
        """The newest reconciliation differences, newest first."""
        ...

    async def notes(self, limit: int, symbol: str = "") -> tuple[RecordNote, ...]:
        """The newest notes on trades (of one symbol), newest first."""
        ...

    async def mark_running(self, at_ms: int) -> None:
        """Note that a run began; `recover` of the next start sees whether `mark_clean` followed."""
        ...

    async def mark_clean(self, at_ms: int) -> None:
        """Note that the run ended in order."""
        ...

    async def prune(self, journal_before_ms: int, candles_before_ms: int, most: int) -> int:
        """Delete at most `most` old journal lines and candles; returns how many went."""
        ...


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One command, refused or run. `outcome` is a short word, `changes` text from -> to; `digest` chains them."""

    number: int
    at_ms: int
    platform: str
    user_id: str
    chat_id: str
    command: str
    arguments: str
    outcome: str
    changes: str
    journal_number: int
    digest: str


@dataclass(frozen=True, slots=True)
class AuditDraft:
    """An audit entry before it is numbered and chained."""

    at_ms: int
    platform: str
    user_id: str
    chat_id: str
    command: str
    arguments: str
    outcome: str
    changes: str = ""
    journal_number: int = 0


class Audit(Protocol):
    """Append-only audit trail with a hash chain."""

    async def append(self, draft: AuditDraft) -> AuditEntry:
        """Number, chain and store one entry durably."""
        ...

    async def extend(self, drafts: Sequence[AuditDraft]) -> tuple[AuditEntry, ...]:
        """The same for several, in their order and all in one transaction: all of them are stored, or none."""
        ...

    async def tail(self, limit: int) -> tuple[AuditEntry, ...]:
        """The newest entries, newest first."""
        ...

    async def verify(self) -> int:
        """Recompute the chain: returns the number of the first entry that does not fit, 0 when all fit."""
        ...


@dataclass(frozen=True, slots=True)
class QueuedNotice:
    """A notice in the outbox, waiting for one reader ("telegram:1"), which older callers name `platform`."""

    id: int
    platform: str
    notice: Notice


class Outbox(Protocol):
    """Notices waiting to be sent; `commit` puts them in, readers (people on platforms) take them out."""

    async def waiting(
        self, platform: str, limit: int, severity: Severity | None = None
    ) -> tuple[QueuedNotice, ...]:
        """The oldest unsent notices for a reader (of one severity alone), critical ones first, then in order."""
        ...

    async def join(self, reader: str, since_ms: int) -> None:
        """A new reader gets what was raised at or after a time (business time); a known one keeps its place."""
        ...

    async def keep_only(self, platform: str, readers: Sequence[str]) -> None:
        """Forget every other reader of a platform. A place that an older version kept for all of them is each one's."""
        ...

    async def sent(self, platform: str, ids: Sequence[int], at_ms: int) -> None:
        """Mark as sent."""
        ...

    async def skip_all(self, platform: str, at_ms: int) -> int:
        """Give up everything waiting for a platform (it has just been switched on); returns how many."""
        ...


@dataclass(frozen=True, slots=True)
class Preference:
    """One user's wish for one kind of notice: `on`, `off` or `quiet` (delivered without sound).

    Beside the kinds there are the wishes HOURS and DETAIL of bot.runtime.wishes.
    """

    user_id: str
    kind: str
    setting: str


class Preferences(Protocol):
    """Per-user notice settings."""

    async def get(self, user_id: str) -> Mapping[str, str]:
        """Settings by kind; kinds not named are `on`."""
        ...

    async def put(self, preference: Preference) -> None:
        """Store one."""
        ...


@dataclass(frozen=True, slots=True)
class StorageHealth:
    """How the database is: kind, size in bytes, age of schema, last commit's time in milliseconds.

    `trouble` says why it could not be asked; the figures mean nothing then.
    """

    kind: str
    bytes: int
    revision: str
    last_commit_ms: float
    waiting_notices: int
    trouble: str = ""
