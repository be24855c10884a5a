"""Text with entities, as messages hold it; lengths and offsets in UTF-16 units."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

FIXED = frozenset({"code", "pre"})
_COMMAND = re.compile(r"(?<![\w/@])/([A-Za-z0-9_]{1,64})(@[A-Za-z][A-Za-z0-9_]{3,31})?(?![\w/])")
_MENTION = re.compile(r"(?<![\w@/])@[A-Za-z][A-Za-z0-9_]{3,31}(?!\w)")


@dataclass(frozen=True, slots=True)
class Entity:
    """A stretch of text that is more than text. `detail` is the address, the user's id or the language."""

    kind: str
    offset: int
    length: int
    detail: str = ""

    @property
    def end(self) -> int:
        """The first unit behind it."""
        return self.offset + self.length

    def as_json(self) -> dict[str, object]:
        """As the Bot API shows it."""
        made: dict[str, object] = {"type": self.kind, "offset": self.offset, "length": self.length}
        match self.kind:
            case "text_link":
                made["url"] = self.detail
            case "text_mention":
                made["user"] = {"id": int(self.detail), "is_bot": False, "first_name": self.detail}
            case "pre" if self.detail:
                made["language"] = self.detail
            case "custom_emoji":
                made["custom_emoji_id"] = self.detail
            case _:
                pass
        return made


@dataclass(frozen=True, slots=True)
class Styled:
    """A text without markup, and what is styled in it."""

    text: str = ""
    entities: tuple[Entity, ...] = field(default=())

    def trimmed(self) -> "Styled":
        """Without blanks around it, as the server keeps it; blanks in fixed width at the beginning stay."""
        text = self.text.rstrip()
        blank = text[: len(text) - len(text.lstrip())]
        cut = 0 if any(one.offset < len(blank) for one in self.entities) else len(blank)
        end = utf16(text)
        kept = (replace(one, length=min(one.length, end - one.offset)) for one in self.entities)
        moved = (replace(one, offset=one.offset - cut) for one in kept if one.length > 0)
        return Styled(text[cut:], tuple(moved))

    def found(self) -> "Styled":
        """With the commands and mentions that the server finds by itself, outside of fixed width and links."""
        ready = [one for one in self.entities if one.kind in FIXED or one.kind.startswith("text_")]
        new = [one for one in _seen(self.text) if not any(_overlap(one, other) for other in ready)]
        known = {(one.kind, one.offset) for one in self.entities}
        more = [one for one in new if (one.kind, one.offset) not in known]
        return Styled(self.text, tuple(sorted((*self.entities, *more), key=lambda one: one.offset)))

    def piece(self, entity: Entity) -> str:
        """The text of an entity."""
        units = self.text.encode("utf-16-le", "surrogatepass")
        return units[entity.offset * 2 : entity.end * 2].decode("utf-16-le", "surrogatepass")

    def pings(self) -> tuple[str, ...]:
        """Whom a client would notify: @names, and the ids of people mentioned without one."""
        names = (self.piece(one) for one in self.entities if one.kind == "mention")
        ids = (one.detail for one in self.entities if one.kind == "text_mention")
        return (*names, *ids)


def utf16(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _seen(text: str) -> Iterator[Entity]:
    for kind, pattern in (("bot_command", _COMMAND), ("mention", _MENTION)):
        for hit in pattern.finditer(text):
            yield Entity(kind, utf16(text[: hit.start()]), utf16(hit.group()))


def _overlap(one: Entity, other: Entity) -> bool:
    return one.offset < other.end and other.offset < one.end
