"""Parse mode HTML: the tags the Bot API knows, properly nested; everything else is refused.

Stricter than the server in one thing: an `&` that begins no entity is refused, as the manual demands; the server
lets it pass as it is.
"""

import re
from dataclasses import dataclass, field

from sandbox.chat.telegram.refusal import unparsable
from sandbox.chat.telegram.styled import Entity, Styled, utf16

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "a": "text_link",
    "tg-emoji": "custom_emoji",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_TAG = re.compile(
    r"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:\s+[^<>\"']+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?)*)\s*>"
)
_ATTRIBUTE = re.compile(r"([A-Za-z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+)))?")
_ENTITY = re.compile(r"&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|([A-Za-z]+));")
_USER = re.compile(r"tg://user\?id=(\d+)")
_LARGEST_CODE = 0x10FFFF


@dataclass(frozen=True, slots=True)
class _Open:
    """A tag that waits for its end."""

    tag: str
    kind: str
    offset: int
    detail: str


@dataclass(slots=True)
class _Reader:
    source: str
    text: list[str] = field(default_factory=list)
    units: int = 0
    stack: list[_Open] = field(default_factory=list)
    made: list[Entity] = field(default_factory=list)

    def read(self) -> Styled:
        place = 0
        while place < len(self.source):
            match self.source[place]:
                case "<":
                    place = self.tag(place)
                case "&":
                    place = self.entity(place)
                case letter:
                    self.put(letter)
                    place += 1
        if self.stack:
            raise unparsable(f'Can\'t find end tag corresponding to start tag "{self.stack[-1].tag}"')
        made = sorted(self.made, key=lambda one: (one.offset, -one.length))
        return Styled("".join(self.text), tuple(made))

    def put(self, letter: str) -> None:
        self.text.append(letter)
        self.units += utf16(letter)

    def entity(self, place: int) -> int:
        hit = _ENTITY.match(self.source, place)
        letter = _letter(hit) if hit else ""
        if hit is None or not letter:
            raise unparsable(f"Unescaped '&' at byte offset {self.byte(place)}")
        self.put(letter)
        return hit.end()

    def tag(self, place: int) -> int:
        hit = _TAG.match(self.source, place)
        if hit is None:
            raise unparsable(self.fault(place))
        name = hit[2].lower()
        if hit[1]:
            self.end(name, place)
        else:
            self.begin(name, _attributes(hit[3]), place)
        return hit.end()

    def fault(self, place: int) -> str:
        rest = self.source[place + 1 :]
        at = f"at byte offset {self.byte(place)}"
        if ">" not in rest:
            return f"Unclosed start tag {at}"
        name = re.split(r"[\s>]", rest, maxsplit=1)[0]
        return f'Unsupported start tag "{name}" {at}'

    def begin(self, name: str, attributes: dict[str, str], place: int) -> None:
        at = f"at byte offset {self.byte(place)}"
        if name not in _KINDS:
            raise unparsable(f'Unsupported start tag "{name}" {at}')
        if name == "span" and attributes.get("class") != "tg-spoiler":
            raise unparsable(f'Tag "span" must have class "tg-spoiler" {at}')
        self.stack.append(_open(name, attributes, self.units))

    def end(self, name: str, place: int) -> None:
        at = f"at byte offset {self.byte(place)}"
        if not self.stack:
            raise unparsable(f"Unexpected end tag {at}")
        begun = self.stack.pop()
        if begun.tag != name:
            raise unparsable(f'Unmatched end tag {at}, expected "</{begun.tag}>", found "</{name}>"')
        self.close(begun)

    def close(self, begun: _Open) -> None:
        """Links without an address are text, and what stands inside of fixed width is not styled."""
        length = self.units - begun.offset
        inside = any(outer.kind in {"code", "pre"} for outer in self.stack)
        lone = begun.kind == "text_link" and not begun.detail
        if length and not inside and not lone:
            self.made.append(Entity(begun.kind, begun.offset, length, begun.detail))

    def byte(self, place: int) -> int:
        return len(self.source[:place].encode("utf-8", "surrogatepass"))


def parse_html(source: str) -> Styled:
    """The text and its entities; raises Refused."""
    return _Reader(source).read()


def _open(name: str, attributes: dict[str, str], offset: int) -> _Open:
    kind, detail = _KINDS[name], ""
    match name:
        case "a":
            detail = attributes.get("href", "")
            person = _USER.fullmatch(detail)
            if person:
                kind, detail = "text_mention", person[1]
        case "tg-emoji":
            detail = attributes.get("emoji-id", "")
        case "blockquote" if "expandable" in attributes:
            kind = "expandable_blockquote"
    return _Open(name, kind, offset, detail)


def _attributes(text: str) -> dict[str, str]:
    """Values with their entities decoded; what is none stays as it is."""
    found = {hit[1].lower(): hit[2] or hit[3] or hit[4] or "" for hit in _ATTRIBUTE.finditer(text)}
    return {name: _ENTITY.sub(lambda hit: _letter(hit) or hit[0], value) for name, value in found.items()}


def _letter(hit: re.Match[str]) -> str:
    if hit[3]:
        return _NAMED.get(hit[3].lower(), "")
    code = int(hit[1], 16) if hit[1] else int(hit[2])
    return chr(code) if 0 < code <= _LARGEST_CODE else ""
