"""Replies as Slack blocks within the limits, nothing cut, nobody mentioned.

Text that people or venues wrote is shown as plain text wherever Slack's markup could read something into it; `&`, `<`
and `>` are escaped everywhere, since that is how Slack writes mentions and links.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.domain.notice import Severity
from handlers import reply as ours
from handlers.picking import Group, answerable, chunks, grouped
from handlers.render_text import broken_lines, table_lines, text_lines
from handlers.reply import Button, Reply
from handlers.text import clean, defused

type Block = dict[str, object]

TABLE_WIDTH = 60
HEADER = 150
SECTION = 3000
FIELD = 2000
FIELDS = 10
BLOCKS = 50
MESSAGE = 10_000
"""Letters of all blocks of a message; Slack refuses (msg_blocks_too_long) from about 13,000."""

ELEMENTS = 25
OPTIONS = 100
LABEL = 75
_LONGEST_LINE = 480  # escaping makes a letter up to five
_ROOM = SECTION - 100
_MARK = {Severity.CRITICAL: "🔴 ", Severity.TRADE: "", Severity.INFO: ""}
_STYLES = {ours.ButtonStyle.PRIMARY: "primary", ours.ButtonStyle.DANGER: "danger"}
_MARKUP = re.compile(r"[*_~`]|^\s*[>•-]|:[a-z0-9_+'-]+:", re.IGNORECASE)
ASK, RUN, PICK = "ask", "run", "pick"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One Slack message: its blocks, the line that notifications show, the buttons among the blocks."""

    blocks: list[Block]
    text: str
    buttons: tuple[Button, ...] = ()


def messages(reply: Reply) -> list[Outgoing]:
    """The reply as one or more messages; the buttons hang on the last."""
    text = safe(reply.title)[:SECTION] or "…"
    pages: list[list[Block]] = [[]]
    used = 0
    for block in [*_title(reply), *_fields(reply.fields), *_bodies(reply)]:
        size = letters(block)
        if pages[-1] and (used + size > MESSAGE or len(pages[-1]) >= BLOCKS - 5):
            pages.append([])
            used = 0
        pages[-1].append(block)
        used += size
    made = [Outgoing(page, text) for page in pages]
    for actions in _actions(reply):
        if letters(*made[-1].blocks) + letters(actions[0]) > MESSAGE or len(made[-1].blocks) >= BLOCKS:
            made.append(Outgoing([_plain("more:")], text))
        last = made[-1]
        made[-1] = Outgoing([*last.blocks, actions[0]], text, (*last.buttons, *actions[1]))
    return made


def safe(text: str) -> str:
    """Text in which Slack reads no mention, link or entity."""
    return defused(clean(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def letters(*blocks: object) -> int:
    """How many letters blocks hold, whatever wraps them."""
    total = 0
    for block in blocks:
        if isinstance(block, str):
            total += len(block)
        elif isinstance(block, dict):
            total += letters(*block.values())
        elif isinstance(block, list):
            total += letters(*block)
    return total


def _title(reply: Reply) -> Iterator[Block]:
    mark = _MARK[reply.severity] if reply.ok else "⚠️ "
    whole = f"{mark}{safe(reply.title) or '…'}"
    if len(whole) <= HEADER:
        yield {"type": "header", "text": {"type": "plain_text", "text": whole, "emoji": False}}
        return
    for line in broken_lines([clean(reply.title)], _LONGEST_LINE):
        yield _plain(safe(line))


def _fields(fields: Sequence[tuple[str, str]]) -> Iterator[Block]:
    """Labels and values side by side; long ones in lines of their own."""
    short: list[Block] = []
    for label, value in fields:
        name, text = clean(label) or "…", clean(value) or "–"
        if len(name) + len(text) <= _LONGEST_LINE // 2:
            short.append(_field(name, text))
            continue
        yield from _columns(short)
        short = []
        for line in broken_lines([f"{name}: {text}"], _LONGEST_LINE):
            yield _plain(safe(line))
    yield from _columns(short)


def _columns(short: Sequence[Block]) -> Iterator[Block]:
    for start in range(0, len(short), FIELDS):
        yield {"type": "section", "fields": list(short[start : start + FIELDS])}


def _field(name: str, text: str) -> Block:
    """Bold where that is safe."""
    if _MARKUP.search(name) or _MARKUP.search(text):
        return {"type": "plain_text", "text": f"{safe(name)}\n{safe(text)}", "emoji": False}
    return {"type": "mrkdwn", "text": f"*{safe(name)}*\n{safe(text)}", "verbatim": True}


def _bodies(reply: Reply) -> Iterator[Block]:
    """The table in fixed width, then the text."""
    lines = table_lines(reply.table, TABLE_WIDTH) if reply.table else []
    fixed = [safe_fixed(line) for line in broken_lines(lines, _LONGEST_LINE)]
    for body in _packed(fixed):
        yield {
            "type": "section",
            "text": {"type": "mrkdwn", "text": f"```\n{body}\n```", "verbatim": True},
        }
    for body in _packed([safe(line) for line in broken_lines(text_lines(reply.text), _LONGEST_LINE)]):
        if body.strip():
            yield _plain(body)


def safe_fixed(line: str) -> str:
    """A line of a table: cleaned already, its spaces kept."""
    harmless = defused(line.replace("`", "ˋ"))
    return harmless.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _packed(lines: Sequence[str]) -> Iterator[str]:
    body: list[str] = []
    used = 0
    for line in lines:
        if body and used + len(line) + 1 > _ROOM:
            yield "\n".join(body)
            body, used = [], 0
        body.append(line)
        used += len(line) + 1
    if body:
        yield "\n".join(body)


def _plain(text: str) -> Block:
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _actions(reply: Reply) -> Iterator[tuple[Block, tuple[Button, ...]]]:
    """Blocks of buttons and menus with the buttons they stand for."""
    number = 0
    for group in grouped(answerable(reply)):
        for portion in chunks(group.buttons, OPTIONS if group.is_menu else ELEMENTS):
            yield _block(Group(portion, group.is_menu), number), portion
            number += 1


def _block(group: Group, number: int) -> Block:
    if group.is_menu:
        return {"type": "actions", "block_id": f"menu-{number}", "elements": [_menu(group.buttons, number)]}
    elements = [_button(button, f"{number}-{place}") for place, button in enumerate(group.buttons)]
    return {"type": "actions", "block_id": f"buttons-{number}", "elements": elements}


def _button(button: Button, place: str) -> Block:
    """`value` is the button's id; one that asks for a text first says so in its action id, with the text's label."""
    action = f"{ASK}|{place}|{clean(button.prompt)[:100]}" if button.prompt else f"{RUN}|{place}"
    made: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": short(button.label, LABEL), "emoji": False},
        "action_id": action,
        "value": button.id or "-",
    }
    style = _STYLES.get(button.style)
    return {**made, "style": style} if style else made


def _menu(buttons: Sequence[Button], number: int) -> Block:
    options = [
        {
            "text": {"type": "plain_text", "text": short(button.label, LABEL), "emoji": False},
            "value": button.id,
        }
        for button in buttons
    ]
    hint = short(f"choose: {buttons[0].label} … {buttons[-1].label}", LABEL)
    return {
        "type": "static_select",
        "placeholder": {"type": "plain_text", "text": hint, "emoji": False},
        "action_id": f"{PICK}|{number}",
        "options": options,
    }


def short(text: str, most: int) -> str:
    """A label that fits; one that was shortened shows it. Labels are plain text, so that only `&<>` are escaped."""
    whole = clean(text) or "…"
    clipped = whole if len(safe(whole)) <= most else f"{whole[: most // 5 if _escapes(whole) else most - 1]}…"
    return safe(clipped)


def _escapes(text: str) -> bool:
    return len(safe(text)) > len(text)
