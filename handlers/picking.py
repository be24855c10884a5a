"""Buttons that are choices of one thing (symbols, amounts, periods), told apart from those that do something.

Faces show many choices in a menu and few as buttons; they learn it from the buttons alone, not from the command.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from handlers.reply import Button, ButtonStyle, Reply

FEWEST = 6
"""Up to five choices are buttons in one row everywhere."""


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring buttons; `is_menu` when they are choices of one thing and too many for a row."""

    buttons: tuple[Button, ...]
    is_menu: bool


def grouped(buttons: Sequence[Button]) -> tuple[Group, ...]:
    """The buttons in their order, in groups."""
    made: list[Group] = []
    for stem, several in groupby(buttons, _stem):
        found = tuple(several)
        is_menu = bool(stem) and len(found) >= FEWEST
        if made and not is_menu and not made[-1].is_menu:
            made[-1] = Group((*made[-1].buttons, *found), False)
        else:
            made.append(Group(found, is_menu))
    return tuple(made)


def answerable(reply: Reply) -> tuple[Button, ...]:
    """Where a person's lines are not read, an answer that is expected gets a box to write it into."""
    asks = any(button.prompt for button in reply.buttons)
    if not reply.expects or asks:
        return reply.buttons
    return (
        Button(f"Answer: {reply.expects}", "", ButtonStyle.PRIMARY, prompt=reply.expects),
        *reply.buttons,
    )


def chunks(buttons: Sequence[Button], size: int) -> Iterator[tuple[Button, ...]]:
    """The buttons in portions of at most `size`."""
    for start in range(0, len(buttons), size):
        yield tuple(buttons[start : start + size])


def _stem(button: Button) -> str:
    """The line without its last word, where that word is the label: /close XRP and /close BTC share a stem."""
    stem, _, last = button.command_line.rpartition(" ")
    plain = button.style is ButtonStyle.SECONDARY and not button.prompt
    return stem if plain and last == button.label else ""
