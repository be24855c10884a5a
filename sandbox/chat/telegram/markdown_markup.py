"""Parse mode MarkdownV2: every reserved character is markup or escaped, and all that begins ends."""

import re
from dataclasses import dataclass, field

from sandbox.chat.telegram.refusal import unparsable
from sandbox.chat.telegram.styled import Entity, Styled, utf16

RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
_MARKS = {
    "__": "underline",
    "_": "italic",
    "*": "bold",
    "~": "strikethrough",
    "||": "spoiler",
    "```": "pre",
    "`": "code",
    "[": "text_link",
    "![": "custom_emoji",
}
_ENDS = {"text_link": "]", "custom_emoji": "]"} | {
    kind: mark for mark, kind in _MARKS.items() if "[" not in mark
}
_NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "text_link": "TextUrl",
    "custom_emoji": "CustomEmoji",
}
_LANGUAGE = re.compile(r"([^\s`]+)\n|\n")
_USER = re.compile(r"tg://(?:user|emoji)\?id=(\d+)")


@dataclass(frozen=True, slots=True)
class _Open:
    """Markup that waits for its end; `place` is where it stands in the source."""

    kind: str
    offset: int
    place: int
    detail: str = ""


@dataclass(slots=True)
class _Reader:
    source: str
    place: int = 0
    text: list[str] = field(default_factory=list)
    units: int = 0
    stack: list[_Open] = field(default_factory=list)
    made: list[Entity] = field(default_factory=list)
    quote: int | None = None

    def read(self) -> Styled:
        while self.place < len(self.source):
            self.step()
        self.unquote()
        if self.stack:
            begun = self.stack[-1]
            name = _NAMES[begun.kind]
            raise unparsable(f"Can't find end of {name} entity at byte offset {self.byte(begun.place)}")
        made = sorted(self.made, key=lambda one: (one.offset, -one.length))
        return Styled("".join(self.text), tuple(made))

    def step(self) -> None:
        letter = self.source[self.place]
        following = self.source[self.place + 1 : self.place + 2]
        fixed = bool(self.stack) and self.stack[-1].kind in {"code", "pre"}
        if letter == "\\" and following and 0 < ord(following) <= 126:
            self.put(following, 2)
        elif self.ends():
            self.end(self.stack.pop())
        elif fixed and letter != "`":
            self.put(letter)
        elif letter == "\n":
            self.put(letter)
            if self.source[self.place : self.place + 1] != ">":
                self.unquote()
        elif letter in RESERVED:
            self.begin(letter)
        else:
            self.put(letter)

    def put(self, letter: str, taken: int = 1) -> None:
        self.text.append(letter)
        self.units += utf16(letter)
        self.place += taken

    def ends(self) -> bool:
        if not self.stack:
            return False
        mark = _ENDS[self.stack[-1].kind]
        found = self.source.startswith(mark, self.place)
        return found and not (mark == "_" and self.source.startswith("__", self.place))

    def begin(self, letter: str) -> None:
        if letter == ">" and (self.place == 0 or self.source[self.place - 1] == "\n"):
            self.quote = self.units if self.quote is None else self.quote
            self.place += 1
            return
        if letter == "|" and self.quote is not None and self.source[self.place :].startswith("||\n"):
            self.place += 2
            return
        mark = next((mark for mark in _longest() if self.source.startswith(mark, self.place)), "")
        if not mark or (self.stack and self.stack[-1].kind in {"code", "pre"}):
            raise unparsable(f"Character '{letter}' is reserved and must be escaped with the preceding '\\'")
        place, kind = self.place, _MARKS[mark]
        self.place += len(mark)
        self.stack.append(_Open(kind, self.units, place, self.language() if kind == "pre" else ""))

    def language(self) -> str:
        hit = _LANGUAGE.match(self.source, self.place)
        if hit is None:
            return ""
        self.place = hit.end()
        return hit[1] or ""

    def end(self, begun: _Open) -> None:
        self.place += len(_ENDS[begun.kind])
        kind, detail = begun.kind, begun.detail
        if kind in {"text_link", "custom_emoji"}:
            detail = self.address()
            person = _USER.fullmatch(detail)
            if person:
                kind, detail = ("text_mention" if kind == "text_link" else kind), person[1]
        if self.units > begun.offset and (detail or kind != "text_link"):
            self.made.append(Entity(kind, begun.offset, self.units - begun.offset, detail))

    def address(self) -> str:
        """What stands in the round brackets behind a link's text; "" when there are none."""
        if not self.source.startswith("(", self.place):
            return ""
        letters, at, begun = [], self.place + 1, self.place
        while at < len(self.source) and self.source[at] != ")":
            at += self.source[at] == "\\" and at + 1 < len(self.source)
            letters.append(self.source[at])
            at += 1
        if at >= len(self.source):
            raise unparsable(f"Can't find end of a URL at byte offset {self.byte(begun)}")
        self.place = at + 1
        return "".join(letters)

    def unquote(self) -> None:
        if self.quote is not None and self.units > self.quote:
            self.made.append(Entity("blockquote", self.quote, self.units - self.quote))
        self.quote = None

    def byte(self, place: int) -> int:
        return len(self.source[:place].encode("utf-8", "surrogatepass"))


def parse_markdown(source: str) -> Styled:
    """The text and its entities; raises Refused."""
    return _Reader(source).read()


def _longest() -> list[str]:
    return sorted(_MARKS, key=len, reverse=True)
