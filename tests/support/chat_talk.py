"""A conversation at one face, exchange by exchange, with what has to be the same on every other face.

A script is written in short: `/status` says a line, `[Refresh]` presses a button, `=text` answers what is asked for,
`=code` and `=wrong` do it with a one-time code, `+2` lets bars pass, `~30` seconds, `late 60 /long XRP` is delivered
late, `restart` waits for the desk to end and opens it again,
`pages /help` turns all pages; `bea: …` and `eve: …` are the others' doings.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import pyotp
from chat_faces import SLOT_S, Face, Seen, slept
from chat_house import ADMINS, ChatHouse

from handlers.reply import Button, Reply
from handlers.request import Request

LABELS_ONLY = frozenset({"health", "logs", "audit", "who", "version", "schedule"})
"""Their figures are those of the process, or name who sits at which face: only labels and columns can be the same."""

NEVER_SENT = frozenset({"bad_arguments", "unknown_command"})
"""What Discord's client keeps back ends like this on the faces that send anything."""

PAGE = 25
"""The fewest rows that any face shows at once."""

BEGIN_S = 60.0
_TURN = re.compile(r"[0-9]+ to [0-9]+")
ESCALATED = "Not acknowledged"
_ROWS = re.compile(r"Rows [0-9]+ to ([0-9]+) of [0-9]+\.")
_KEY = re.compile(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}")
_STAMP = re.compile(r"\b[0-9]{2}:[0-9]{2}:[0-9]{2}\b|(?<=-)[0-9]{13}(?=\.)")
_SPAN = re.compile(r"\b[0-9.]+ ?(?:ms|s|min|h)\b")
_SYMBOL = re.compile(r"\b(?:[A-Z]{3,5}USDT|XRP|BTC)\b")
_COUNT = re.compile(r"[0-9][0-9.,]*[a-z]?\b")


@dataclass(frozen=True, slots=True)
class Row:
    """An audit line as far as faces share it."""

    who: str
    command: str
    outcome: str
    changes: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """What somebody did, what the dispatcher answered, what the audit says, and what the person saw.

    `asks`: the button asks for a text, by a box or by a message, as faces do it. `whole`: all pages were turned.
    `line` is the deed as it was done, `deed` with everybody called by one name.
    """

    number: int
    who: str
    deed: str
    seen: Seen
    replies: tuple[Reply, ...]
    rows: tuple[Row, ...]
    asks: bool = False
    whole: bool = False
    line: str = ""


@dataclass(slots=True)
class Names:
    """Who is who on this platform, so that they can be called alike."""

    house: ChatHouse

    def plain(self, text: str) -> str:
        """The text without what must differ between faces: ids and names of people, seconds of latency."""
        platform, (first, *rest) = self.house.world.platform, ADMINS[self.house.world.name]
        ann, bea = (self.house.ann.user, f"{platform}:{rest[0] if rest else first}")
        eve = self.house.eve.user
        for user, name in ((eve, "EVE"), (ann, "ANN"), (bea, "BEA")):
            text = re.sub(rf"\b{re.escape(user)}\b", name, text)
        if self.house.world.name == "slack":
            text = re.sub(r"\bU666\b", "Eve", re.sub(r"\bU1\b", "Ann", re.sub(r"\bU2\b", "Bea", text)))
        text = re.sub(r"\boperator\b(?! time)", "Ann", text)
        text = text.replace("; send it again.", ".")  # a box has to be opened again
        return _SPAN.sub("TIME", _STAMP.sub("TIME", _KEY.sub("KEY", text)))

    def who(self, user: str) -> str:
        """Ann, Bea, Eve or somebody else."""
        house = self.house
        known = {
            house.ann.user: "ann",
            house.bea.user: "bea",
            house.eve.user: "eve",
            "console:console": "ann",
        }
        return known.get(user, user)


@dataclass(slots=True)
class Talk:
    """One person's conversation, and those beside it, at one house."""

    house: ChatHouse
    names: Names = field(init=False)
    made: list[Exchange] = field(default_factory=list)
    told: list[tuple[str, Reply]] = field(default_factory=list)
    secret: str = ""
    turns: int = 0
    _audited: int = 0

    def __post_init__(self) -> None:
        """Everybody is called by one name."""
        self.names = Names(self.house)

    async def play(self, script: Iterable[str]) -> None:
        """All of it, from the same minute on whatever connecting took."""
        await self.begin()
        for step in script:
            await self.step(step)

    async def begin(self) -> None:
        """Wait for a minute's start, so that the clock says the same on every face."""
        await slept(BEGIN_S - asyncio.get_running_loop().time() % BEGIN_S - SLOT_S)
        self.house.heard.taken()

    async def step(self, step: str) -> None:
        """One line of a script."""
        if step.startswith("+"):
            await self.house.bars(int(step[1:]))
            await slept()
        elif step.startswith("~"):
            await slept(float(step[1:]))
        elif step == "restart":
            await self.restart()
        else:
            who, colon, deed = step.partition(": ")
            named = colon and who in ("ann", "bea", "eve")
            who, deed = (who, deed) if named else ("ann", step)
            turns = deed.startswith("pages ")
            await (self._turned(who, deed.removeprefix("pages ")) if turns else self._deed(who, deed))

    async def restart(self) -> None:
        """The desk ends by itself and comes back."""
        self._keep_told()
        await self.house.ended()
        await self.house.open()
        await self.begin()

    async def _deed(self, who: str, deed: str) -> None:
        face: Face = getattr(self.house, who)
        asks = deed.startswith("[") and self._asks(who, deed[1:-1])
        self.house.heard.taken()
        seen = await self._done(face, deed)
        if found := _KEY.search(seen.text):
            self.secret = found[0].replace(" ", "")
        replies = tuple(_replies(self.house.heard.taken(), face.user))
        rows = tuple([row async for row in self._rows()])
        named = self.names.plain(deed)
        self.made.append(Exchange(len(self.made), who, named, seen, replies, rows, asks, line=deed))

    async def _turned(self, who: str, line: str) -> None:
        """A line whose answer has several pages on some faces: all are turned, and count as one answer."""
        first = len(self.made)
        await self._deed(who, line)
        while (label := _next_page(self.made[-1])) is not None:
            await self._deed(who, f"[{label}]")
            self.turns += 1
        parts, self.made = self.made[first:], self.made[:first]
        whole = _joined([reply for part in parts for reply in part.replies])
        pages = "\n".join(part.seen.page for part in parts)
        seen = replace(parts[-1].seen, page=pages, labels=frozenset().union(*(p.seen.labels for p in parts)))
        self.made.append(replace(parts[0], replies=(whole,), seen=seen, whole=True))
        await self.begin()

    async def _done(self, face: Face, deed: str) -> Seen:
        if deed.startswith("["):
            return await face.press(deed[1:-1])
        if deed.startswith("="):
            return await face.fill(self._text(deed[1:]))
        if deed.startswith("late "):
            _, age, line = deed.split(" ", 2)
            return await face.late(line, float(age))
        return await face.say(deed)

    def _text(self, word: str) -> str:
        code = pyotp.TOTP(self.secret).now() if self.secret else ""
        wrong = f"{(int(code) + 1) % 1_000_000:06d}" if code else ""
        return {"code": code, "wrong": wrong}.get(word, word)

    def _asks(self, who: str, label: str) -> bool:
        """Whether the newest button of that label asks for a text first."""
        for exchange in reversed(self.made):
            for button in (one for reply in exchange.replies for one in reply.buttons):
                if exchange.who == who and button.label == label:
                    return bool(button.prompt)
        return False

    async def _rows(self) -> AsyncIterator[Row]:
        """What the audit has got since the last exchange."""
        entries = await self.house.house.database.audit().tail(40)
        for entry in sorted(entries, key=lambda one: one.number):
            if entry.number > self._audited:
                self._audited = entry.number
                who = self.names.who(f"{entry.platform}:{entry.user_id}")
                yield Row(who, entry.command, entry.outcome, self.names.plain(entry.changes))

    def _keep_told(self) -> None:
        self.told += self.house.heard.told
        self.house.heard.told = []

    async def press_the_rest(self) -> None:
        """Press every kind of button that was shown and never pressed, where it is offered."""
        tried: set[str] = set()
        while left := [one for one in self._unpressed() if one not in tried]:
            tried.add(left[0])
            await self._press_again(left[0])

    def _unpressed(self) -> list[str]:
        done = pressed(self.made)
        return [one for one in offered(one for one in self.made if one.who == "ann") if one not in done]

    async def _press_again(self, wanted: str) -> None:
        """Say the line again that led to the button, through the buttons between."""
        exchange, _ = offered(self.made)[wanted]
        if exchange.line.startswith("["):
            await self._press_again(kind(exchange.line[1:-1]))
        elif exchange.line.startswith("/"):
            await self._deed("ann", exchange.line)
        labels = (one.label for reply in self.made[-1].replies for one in reply.buttons)
        label = next((one for one in labels if kind(one) == wanted), None)
        if label is not None:
            await self._deed("ann", f"[{label}]")
            if self.made[-1].asks:
                await self._deed("ann", "=enough")

    def end(self) -> None:
        """Nothing more is said."""
        self._keep_told()

    # what has to be alike

    def facts(self, exchange: Exchange) -> list[object]:
        """What was answered, as any face must show it."""
        return [self.figures(reply, exchange.whole) for reply in exchange.replies]

    def figures(self, reply: Reply, whole: bool = False) -> list[object]:
        """One reply: title, fields, table, text, buttons, picture, file."""
        plain, bare = self.names.plain, reply.name in LABELS_ONLY
        table = reply.table
        heads = [column.name for column in table.columns] if table else []
        rows = [] if bare or table is None else [[plain(cell) for cell in row] for row in table.rows]
        rows = rows if whole else rows[:PAGE]
        file = (plain(reply.file.name), sha256(reply.file.content).hexdigest()) if reply.file else ()
        return [
            plain(reply.title) if not bare else reply.name,
            [(plain(label), "" if bare else plain(value)) for label, value in reply.fields],
            heads,
            rows,
            plain(_ROWS.sub("", reply.text).strip()) if not bare else "",
            [plain(button.label) for button in reply.buttons if not _TURN.fullmatch(button.label)],
            plain(reply.plot.title) if reply.plot else "",
            file,
            (reply.ok, reply.severity, bool(reply.image)),
        ]

    def notices(self, who: str) -> Counter[str]:
        """What somebody was told unasked; lanes may change the order, and nobody calls who sits at the console."""
        titles = [self.names.plain(reply.title) for user, reply in self.told if self.names.who(user) == who]
        return Counter(title for title in titles if not title.startswith(ESCALATED))


def _replies(said: Sequence[tuple[Request, Reply | None]], user: str) -> Iterator[Reply]:
    for request, reply in said:
        if reply is not None and f"{request.platform}:{request.user_id}" == user:
            yield reply


def _next_page(exchange: Exchange) -> str | None:
    """The label of the page after the one that was shown."""
    for reply in exchange.replies:
        found = _ROWS.search(reply.text)
        last = found[1] if found else ""
        for button in reply.buttons if found else ():
            if button.label.startswith(f"{int(last) + 1} to "):
                return button.label
    return None


def _joined(pages: Sequence[Reply]) -> Reply:
    """One reply of all its pages."""
    first = pages[0]
    if first.table is None:
        return first
    rows = tuple(row for page in pages if page.table for row in page.table.rows)
    kept = tuple(button for button in first.buttons if not _TURN.fullmatch(button.label))
    text = _ROWS.sub("", first.text).strip()
    return replace(first, table=replace(first.table, rows=rows), buttons=kept, text=text)


def kind(label: str) -> str:
    """A button's kind: its label whatever symbol or number it names."""
    return _COUNT.sub("N", _SYMBOL.sub("SYMBOL", label))


def offered(exchanges: Iterable[Exchange]) -> dict[str, tuple[Exchange, Button]]:
    """Every kind of button that was shown, where first; below a slip Discord's client shows its own."""
    found: dict[str, tuple[Exchange, Button]] = {}
    for exchange in (one for one in exchanges if not {row.outcome for row in one.rows} & NEVER_SENT):
        shown = (one for reply in exchange.replies for one in reply.buttons)
        for button in (one for one in shown if not _TURN.fullmatch(one.label)):
            found.setdefault(kind(button.label), (exchange, button))
    return found


def pressed(exchanges: Iterable[Exchange]) -> set[str]:
    """Every kind of button that was pressed."""
    return {kind(one.line[1:-1]) for one in exchanges if one.line.startswith("[") and not one.seen.kept}


# --- what a face must show -----------------------------------------------------------------------------------------

_UNSEEN = re.compile(r"[\s\\`*ˋ\u200b-\u200f\u2060-\u2069\ufeff]")


def unshown(exchange: Exchange) -> list[str]:
    """Words of the answers that the person did not see."""
    seen = _UNSEEN.sub("", exchange.seen.page)
    return [word for reply in exchange.replies for word in _words(reply) if _UNSEEN.sub("", word) not in seen]


def _words(reply: Reply) -> Iterator[str]:
    """Word by word, since cells are wrapped."""
    texts = [reply.title, reply.text, *(part for pair in reply.fields for part in pair)]
    if reply.table:
        texts += [column.name for column in reply.table.columns[1:]]
        texts += [cell for row in reply.table.rows for cell in row]
    for text in texts:
        yield from text.split()


def lacking(exchange: Exchange) -> list[str]:
    """Buttons, pictures and files of the answers that the person did not get."""
    wrong = []
    for reply in exchange.replies:
        wrong += [f"button {one.label}" for one in reply.buttons if one.label not in exchange.seen.labels]
        wrong += ["picture"] if (reply.plot or reply.image) and not exchange.seen.pictures else []
        has = reply.file is None or exchange.seen.files.get(reply.file.name) == reply.file.content
        wrong += [] if has else ["file"]
    return wrong
