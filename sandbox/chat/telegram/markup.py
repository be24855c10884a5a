"""What a bot writes and hangs below it: parse modes, lengths, keyboards."""

import re
from collections.abc import Sequence

from sandbox.chat.telegram.fields import Fields, Json
from sandbox.chat.telegram.html_markup import parse_html
from sandbox.chat.telegram.markdown_markup import parse_markdown
from sandbox.chat.telegram.refusal import bad
from sandbox.chat.telegram.styled import Entity, Styled, utf16

TEXT_UNITS = 4096
CAPTION_UNITS = 1024
MOST_BUTTONS = 100
MOST_IN_A_ROW = 8
DATA_BYTES = 64
_ACTIONS = frozenset({"callback_data", "url", "copy_text"})
_KNOWN_MARKUPS = frozenset({"inline_keyboard", "keyboard", "remove_keyboard", "force_reply"})
_BARE_URL = re.compile(r"(https?|tg)://\S+")
_DETAILS = {"text_link": "url", "pre": "language", "custom_emoji": "custom_emoji_id"}


def message_text(fields: Fields) -> Styled:
    """The text of a message; Refused when it is none, too long, or its markup cannot be read."""
    made = styled(fields, "text", "entities")
    if not made.text:
        raise bad("message text is empty")
    if utf16(made.text) > TEXT_UNITS:
        raise bad("message is too long")
    return made


def caption(fields: Fields) -> Styled:
    """The text below a picture or file; it may be empty."""
    made = styled(fields, "caption", "caption_entities")
    if utf16(made.text) > CAPTION_UNITS:
        raise bad("message caption is too long")
    return made


def styled(fields: Fields, name: str, entities: str) -> Styled:
    """Read by its parse mode, trimmed, with what the server finds by itself."""
    source = fields.text(name)
    try:
        source.encode()
    except UnicodeEncodeError:
        raise bad("strings must be encoded in UTF-8") from None
    match fields.text("parse_mode").lower():
        case "html":
            made = parse_html(source)
        case "markdownv2":
            made = parse_markdown(source)
        case "":
            made = Styled(source, _given(fields.rows(entities) or (), utf16(source)))
        case _:
            raise bad("unsupported parse_mode")
    return made.trimmed().found()


def _given(rows: Sequence[Json], units: int) -> tuple[Entity, ...]:
    try:
        found = tuple(_entity(row) for row in rows)
    except (KeyError, ValueError):
        raise bad("can't parse MessageEntity") from None
    if not all(0 <= one.offset < one.end <= units for one in found):
        raise bad("ENTITY_BOUNDS_INVALID")
    return found


def _entity(row: Json) -> Entity:
    kind = str(row["type"])
    user = row.get("user")
    detail = str(user["id"]) if isinstance(user, dict) else str(row.get(_DETAILS.get(kind, ""), ""))
    return Entity(kind, int(str(row["offset"])), int(str(row["length"])), detail)


def reply_markup(fields: Fields) -> Json | None:
    """The keyboard or the forced reply; None without one. Refused when a button or the whole is not allowed."""
    made = fields.structure("reply_markup")
    if made is None:
        return None
    if not _KNOWN_MARKUPS & set(made):
        return None
    if "inline_keyboard" in made:
        _check_inline(made["inline_keyboard"])
        return made if made["inline_keyboard"] else None
    return made


def labels(markup: Json | None) -> tuple[tuple[str, ...], ...]:
    """The labels of an inline keyboard, row by row."""
    return tuple(tuple(str(button["text"]) for button in row) for row in inline_rows(markup))


def inline_rows(markup: Json | None) -> list[list[Json]]:
    """The buttons of an inline keyboard; none when it is another kind or none."""
    found = (markup or {}).get("inline_keyboard")
    return found if isinstance(found, list) else []


def _check_inline(rows: object) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    if any(len(row) > MOST_IN_A_ROW for row in rows) or sum(map(len, rows)) > MOST_BUTTONS:
        raise bad("reply markup is too long")
    for row in rows:
        for button in row:
            _check_button(button)


def _check_button(button: object) -> None:
    where = "can't parse inline keyboard button"
    if not isinstance(button, dict):
        raise bad(f"{where}: InlineKeyboardButton must be an Object")
    if not isinstance(button.get("text"), str):
        raise bad(f'{where}: field "text" must be of type String')
    if not button["text"].strip():
        raise bad(f"{where}: button text must be non-empty")
    actions = _ACTIONS & set(button)
    if len(actions) != 1:
        raise bad(f"{where}: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in button and not 1 <= len(str(button["callback_data"]).encode()) <= DATA_BYTES:
        raise bad("BUTTON_DATA_INVALID")
    if "url" in button and not _BARE_URL.fullmatch(str(button["url"])):
        raise bad(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
