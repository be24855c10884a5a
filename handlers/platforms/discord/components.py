"""Buttons, menus and dialog boxes that the library only draws: presses come in as interactions, whoever sent them.

What a component stands for is in its custom id: a button's own id; `ask|ID|LABEL` for a button that asks for a text
first (ID is empty when the text is a line by itself, and may hold strokes; LABEL holds none); `pick|N|ID` for a menu
whose values are ids of buttons.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import discord
from discord import ButtonStyle, SelectOption, TextStyle
from discord.ui import Button as UiButton
from discord.ui import Modal, Select, TextInput, View

from handlers import reply as ours
from handlers.picking import chunks, grouped
from handlers.reply import Button
from handlers.text import clean

MOST_ROWS = 5
IN_A_ROW = 5
MOST_OPTIONS = 25
LABEL = 80
OPTION = 100
CUSTOM_ID = 100
PROMPT = 45
MOST_TYPED = 300
_STYLES = {
    ours.ButtonStyle.PRIMARY: ButtonStyle.primary,
    ours.ButtonStyle.SECONDARY: ButtonStyle.secondary,
    ours.ButtonStyle.DANGER: ButtonStyle.danger,
}
_ASK, _PICK = "ask", "pick"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of components: up to five buttons, or one menu."""

    buttons: tuple[Button, ...]
    is_menu: bool


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a component's custom id says; `prompt` is the label of the text to ask for first."""

    button: str
    prompt: str = ""


def rows(buttons: Sequence[Button]) -> Iterator[Row]:
    """The buttons as rows; many choices of one thing become menus. Discord refuses a message with an id twice."""
    once: dict[str, Button] = {}
    for button in buttons:
        once.setdefault(_custom_id(button), button)
    for group in grouped(tuple(once.values())):
        for portion in chunks(group.buttons, MOST_OPTIONS if group.is_menu else IN_A_ROW):
            yield Row(portion, group.is_menu)


def view(drawn: Sequence[Row]) -> View:
    """Rows as the library sends them."""
    made = View(timeout=None)
    for number, row in enumerate(drawn):
        if row.is_menu:
            made.add_item(_menu(row, number))
            continue
        for button in row.buttons:
            made.add_item(
                UiButton(
                    label=_short(button.label, LABEL),
                    style=_STYLES[button.style],
                    custom_id=_custom_id(button),
                    row=number,
                )
            )
    made.stop()  # a stopped view is not kept in memory
    return made


def pressed(body: Mapping[str, object]) -> Pressed | None:
    """Which button a press or a choice means; None for what is not ours."""
    custom_id, values = body.get("custom_id"), body.get("values")
    if not isinstance(custom_id, str):
        return None
    kind, _, rest = custom_id.partition("|")
    if kind == _PICK:
        return Pressed(str(values[0])) if isinstance(values, list) and values else None
    if kind == _ASK and rest:
        button, _, prompt = rest.rpartition("|")  # a signed id has such strokes of its own, a label has none
        return Pressed(button, prompt or "Text")
    return Pressed(custom_id) if custom_id else None


def dialog(asked: Pressed) -> Modal:
    """A box that asks for one line of text."""
    made = Modal(title=_short(asked.prompt, PROMPT), custom_id=_modal_id(asked), timeout=None)
    field: TextInput[Modal] = TextInput(
        label=_short(asked.prompt, PROMPT), style=TextStyle.short, custom_id="text", max_length=MOST_TYPED
    )
    made.add_item(field)
    made.stop()  # its answer comes in as an interaction too
    return made


def typed(interaction: discord.Interaction) -> tuple[str, str] | None:
    """The button a filled box belongs to ("" for a line by itself), and what was typed; None when it is not ours."""
    body = dict(interaction.data or {})
    custom_id = body.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id.startswith(f"{_ASK}|"):
        return None
    return custom_id.partition("|")[2], _text(body.get("components"))


def _text(components: object) -> str:
    """The first text value, however deep rows and labels wrap it."""
    waiting = [components]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, list):
            waiting = [*one, *waiting]
        elif isinstance(one, dict):
            if isinstance(value := one.get("value"), str):
                return value
            waiting = [one.get("components"), one.get("component"), *waiting]
    return ""


def _menu(row: Row, number: int) -> Select[View]:
    options = [SelectOption(label=_short(button.label, OPTION), value=button.id) for button in row.buttons]
    first, last = row.buttons[0].label, row.buttons[-1].label
    return Select(
        custom_id=f"{_PICK}|{number}|{row.buttons[0].id}"[:CUSTOM_ID],
        placeholder=_short(f"choose: {first} … {last}", OPTION),
        options=options,
        row=number,
    )


def _custom_id(button: Button) -> str:
    if not button.prompt:
        return button.id
    return f"{_ASK}|{button.id}|{clean(button.prompt).replace('|', '/')}"[:CUSTOM_ID]


def _modal_id(asked: Pressed) -> str:
    return f"{_ASK}|{asked.button}"


def _short(text: str, most: int) -> str:
    """A label that fits; one that was shortened shows it."""
    whole = clean(text) or "…"
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"
