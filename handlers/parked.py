"""What arrived while the desk was away, put in order: how lines are folded, sorted, named and shown."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from bot.runtime.chat_ports import Arrival
from handlers.command import Command, Risk
from handlers.format import Clock, count
from handlers.reply import Button, ButtonStyle, Column, Reply, Table

FIRST = ("panic_close", "stop_trading", "pause", "close_all", "close", "kill_now")
"""What lowers risk most comes first, in this order; other brakes follow by time."""

MANY_READS = 3
PAGE = 10
"""Rows of one list: with Run and Discard beside each, no platform takes more buttons."""

NO_EFFECT = "was begun, took no effect"
NOT_KNOWN = "was begun, whether it took effect is not known"
"""Of lines to other accounts, whose effects are noted in databases of their own, and of commands that go past the
engine: only the engine's commit marks an update in the same transaction.
"""

_PAST_THE_ENGINE = frozenset({"access", "models", "proposals", "research", "system"})
"""Areas of which some effects are stored apart from the engine's commit."""

READS = "reads"
ALL = "all"
COLUMNS = (Column("#", "right"), Column("Who"), Column("Sent"), Column("Age", "right"), Column("Line"))


@dataclass(frozen=True, slots=True)
class Place:
    """A chat of a platform."""

    platform: str
    chat_id: str


@dataclass(frozen=True, slots=True)
class Parked:
    """One line that came too late. `begun`: an earlier run had taken it and died before it had an effect."""

    arrival: Arrival
    command: Command
    begun: bool = False

    @property
    def place(self) -> Place:
        """Where it was said."""
        return Place(self.arrival.platform, self.arrival.chat_id)

    @property
    def rank(self) -> tuple[int, int, str]:
        """Its place in the list: brakes first, reads last, each by the time they were sent."""
        name, risk = self.command.name, self.command.risk
        brakes = FIRST.index(name) if name in FIRST else len(FIRST)
        class_ = {Risk.LOWERS: brakes, Risk.RAISES: len(FIRST) + 1, Risk.READ: len(FIRST) + 2}[risk]
        return class_, self.arrival.sent_at_ms, self.arrival.key


@dataclass(frozen=True, slots=True)
class Row:
    """Lines shown as one: the same line said again by the same person in the same chat, or many reads."""

    code: str
    lines: tuple[Parked, ...]

    @property
    def first(self) -> Parked:
        """The oldest of them."""
        return self.lines[0]

    @property
    def runs(self) -> bool:
        """False for what is only summed up."""
        return self.code != READS


def rows_of(parked: Iterable[Parked]) -> tuple[Row, ...]:
    """The rows of a list, in its order; each keeps its code as long as its oldest line is there."""
    ordered = sorted(parked, key=lambda one: one.rank)
    same: dict[tuple[Place, str, str], list[Parked]] = {}
    for one in ordered:
        same.setdefault((one.place, one.arrival.user, one.arrival.line), []).append(one)
    rows = tuple(Row(_code(lines[0].arrival), tuple(lines)) for lines in same.values())
    reads = tuple(row for row in rows if row.first.command.risk is Risk.READ)
    if len(reads) <= MANY_READS:
        return rows
    summed = Row(READS, tuple(line for row in reads for line in row.lines))
    return (*(row for row in rows if row not in reads), summed)


def _code(arrival: Arrival) -> str:
    """Names a row in buttons: short, and another one for every update."""
    return sha256(f"{arrival.key}\0{arrival.line}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Telling:
    """How rows are told: the time, people's names, and what is known of lines that an earlier run died on."""

    clock: Clock
    name_of: Callable[[str], str]
    begun: str = NO_EFFECT


def away_list(rows: Sequence[Row], telling: Telling, first: int = 0) -> Reply:
    """The list from row `first` on; its own buttons turn, run and discard."""
    if not rows:
        return Reply("Nothing waits", text="Nothing that came while I was away is left.", name="away")
    shown = rows[first : first + PAGE]
    cells = tuple(_cells(number, row, telling) for number, row in enumerate(shown, first + 1))
    waiting = sum(len(row.lines) for row in rows)
    pages = f" Rows {first + 1} to {first + len(shown)} of {len(rows)}." if len(rows) > PAGE else ""
    begun = any(line.begun for row in rows for line in row.lines)
    how = (
        "late or cut short; nothing of it runs by itself."
        if begun
        else "came too late and nothing of it was run."
    )
    text = f"{count(waiting, 'line')} {how}{pages}"
    return Reply(
        title="Arrived while I was away",
        text=text,
        table=Table(COLUMNS, cells),
        buttons=(*_buttons(shown, first), *_turns(len(rows), first)),
        name="away",
    )


def _cells(number: int, row: Row, telling: Telling) -> tuple[str, ...]:
    oldest = row.first.arrival
    people = dict.fromkeys(telling.name_of(line.arrival.user) for line in row.lines)
    when = (telling.clock.short(oldest.sent_at_ms), telling.clock.age(oldest.sent_at_ms))
    return str(number), ", ".join(people), *when, _words(row, telling.begun)


def _words(row: Row, begun_words: str) -> str:
    if not row.runs:
        names: dict[str, int] = {}
        for line in row.lines:
            names[line.command.name] = names.get(line.command.name, 0) + 1
        each = ", ".join(f"/{name} ×{times}" for name, times in names.items())
        return f"{count(len(row.lines), 'command')} that only read: {each}"
    times = f" ×{len(row.lines)}" if len(row.lines) > 1 else ""
    words = NOT_KNOWN if row.first.command.area in _PAST_THE_ENGINE else begun_words
    begun = f" ({words})" if any(line.begun for line in row.lines) else ""
    return f"{row.first.arrival.line}{times}{begun}"


def _buttons(shown: Sequence[Row], first: int) -> Iterable[Button]:
    for number, row in enumerate(shown, first + 1):
        if row.runs:
            lowers = row.first.command.risk is Risk.LOWERS
            style = ButtonStyle.PRIMARY if lowers else ButtonStyle.SECONDARY
            yield Button(f"Run {number}", f"/away run {row.code}", style)
        yield Button(f"Discard {number}", f"/away discard {row.code}")
    yield Button("Discard all", f"/away discard {ALL}")


def _turns(rows: int, first: int) -> Iterable[Button]:
    for start, label in ((first - PAGE, "Rows before"), (first + PAGE, "Rows after")):
        if 0 <= start < rows:
            yield Button(label, f"/away list {start + 1}")
