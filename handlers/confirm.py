"""Confirmations: a question is bound to person, chat, command, arguments and figures; valid for a while, once."""

from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from json import dumps

from handlers.command import Actor, Command
from handlers.parse import Arguments
from handlers.reply import Reply, Snapshot


@dataclass(frozen=True, slots=True)
class Question:
    """One question put to one person. `digest` binds who, where, what and the facts shown on the card."""

    number: int
    actor_id: str
    actor_name: str
    chat_id: str
    command: Command
    arguments: Arguments
    digest: str
    snapshot: Snapshot
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Pending:
    """What one person asked and confirmed, waiting for another one. `first` is who asked."""

    number: int
    question: Question
    first: Actor
    expires_at_ms: int


class Questions:
    """Open questions; closing one is possible once."""

    def __init__(self, valid_ms: int) -> None:
        """`valid_ms` is how long a question may be answered."""
        self.valid_ms = valid_ms
        self._count = 0
        self._open: dict[int, int] = {}

    def put(
        self,
        actor: tuple[str, str],
        chat_id: str,
        command: Command,
        arguments: Arguments,
        card: Reply,
        at_ms: int,
    ) -> Question:
        """Open a question about a card; `actor` is id and name."""
        self._count += 1
        shown = snapshot_of(card)
        digest = bound_digest(actor[0], chat_id, command, arguments, shown)
        question = Question(
            self._count, *actor, chat_id, command, arguments, digest, shown, at_ms + self.valid_ms
        )
        self._forget(at_ms)
        self._open[question.number] = question.expires_at_ms
        return question

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


def bound_digest(actor_id: str, chat_id: str, command: Command, arguments: Arguments, shown: Snapshot) -> str:
    """Digest of who, where, what and the facts shown."""
    parts = (actor_id, chat_id, command.name, arguments.line, shown.facts)
    return sha256("\0".join(parts).encode()).hexdigest()


def still_true(question: Question, card: Reply, requote_percent: Decimal) -> bool:
    """True when a fresh card shows the same facts and no price moved further than allowed."""
    now = snapshot_of(card)
    digest = bound_digest(question.actor_id, question.chat_id, question.command, question.arguments, now)
    then = question.snapshot.prices
    if digest != question.digest or len(then) != len(now.prices):
        return False
    moves = zip(then, now.prices, strict=True)
    return all(abs(new - old) * 100 <= abs(old) * requote_percent for old, new in moves)
