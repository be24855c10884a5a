"""Confirmations: a question is bound to person, chat, command, arguments and figures; valid for a while, once."""

from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from json import dumps

from handlers.command import Actor, Command
from handlers.parse import Arguments
from handlers.reply import Reply, Snapshot


@dataclass(frozen=True, slots=True)
class Errand:
    """A command with its arguments, ready to run: for whom, on which account, and in which chat it is talked about."""

    command: Command
    arguments: Arguments
    actor: Actor
    account: str
    chat_id: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question put to one person. `digest` binds who, where, what and the facts shown on the card.

    `needs_code`: the answer must come with the person's one-time code.
    """

    number: int
    errand: Errand
    digest: str
    snapshot: Snapshot
    expires_at_ms: int
    needs_code: bool = False

    @property
    def line(self) -> str:
        """What would be done, as it would be typed."""
        return self.errand.arguments.line


@dataclass(frozen=True, slots=True)
class Pending:
    """What one person asked and confirmed, waiting for another one."""

    number: int
    question: Question
    expires_at_ms: int

    @property
    def errand(self) -> Errand:
        """What would be done, as the first person."""
        return self.question.errand


class Questions:
    """Open questions; closing one is possible once."""

    def __init__(self, valid_ms: int) -> None:
        """`valid_ms` is how long a question may be answered."""
        self.valid_ms = valid_ms
        self._count = 0
        self._open: dict[int, int] = {}

    def put(self, errand: Errand, card: Reply, at_ms: int, needs_code: bool = False) -> Question:
        """Open a question about a card."""
        self._count += 1
        shown = snapshot_of(card)
        question = Question(
            number=self._count,
            errand=errand,
            digest=bound_digest(errand, shown),
            snapshot=shown,
            expires_at_ms=at_ms + self.valid_ms,
            needs_code=needs_code,
        )
        self._forget(at_ms)
        self._open[question.number] = question.expires_at_ms
        return question

    def is_open(self, question: Question) -> bool:
        """True while it has not been closed."""
        return question.number in self._open

    def close(self, question: Question) -> bool:
        """True the first time; nothing may be awaited between this and acting on it."""
        return self._open.pop(question.number, None) is not None

    def _forget(self, at_ms: int) -> None:
        day_ms = 86_400_000
        self._open = {number: end for number, end in self._open.items() if at_ms - end < day_ms}


def snapshot_of(card: Reply) -> Snapshot:
    """What a card binds: its own snapshot, or every figure on it."""
    if card.snapshot is not None:
        return card.snapshot
    return Snapshot(dumps(card.to_json(), sort_keys=True))


def bound_digest(errand: Errand, shown: Snapshot) -> str:
    """Digest of who, where, what, on which account, and the facts shown."""
    who, what = errand.actor.id, errand.command.name
    parts = (who, errand.chat_id, errand.account, what, errand.arguments.line, shown.facts)
    return sha256("\0".join(parts).encode()).hexdigest()


def still_true(question: Question, card: Reply, requote_percent: Decimal) -> bool:
    """True when a fresh card shows the same facts and no price moved further than allowed."""
    now = snapshot_of(card)
    then = question.snapshot.prices
    if bound_digest(question.errand, now) != question.digest or len(then) != len(now.prices):
        return False
    moves = zip(then, now.prices, strict=True)
    return all(abs(new - old) * 100 <= abs(old) * requote_percent for old, new in moves)
