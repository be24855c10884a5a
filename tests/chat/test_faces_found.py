"""What one conversation on four faces brought to light."""

import pytest
from chat_fakes import Chat
from crew_kit import Crew

from handlers.buttons import ButtonBook, RunLine
from handlers.command import Command
from handlers.platforms.discord.components import pressed, rows, view
from handlers.platforms.discord.options import option_text
from handlers.registry import load_registry
from handlers.reply import Button
from handlers.speaker import private_chat
from handlers.values import offered_values

SALT = b"a" * 32


def test_a_signed_button_that_asks_for_a_text_opens_its_own_box_on_discord() -> None:
    """A signed id holds the mark that divides a component's id."""
    key = ButtonBook(SALT, 9).issue(RunLine("9", "/totp", False, "Code"))
    assert "|" in key
    (row,) = rows((Button("Enter the code", "/totp", id=key, prompt="Code"),))
    (item,) = view((row,)).children
    found = pressed({"custom_id": item.to_component_dict()["custom_id"]})
    assert found is not None
    assert (found.button, found.prompt) == (key, "Code")


def test_no_component_comes_twice_in_a_message() -> None:
    """Discord refuses the whole message; the first of two that do the same is kept, in its place."""
    ids = ("a", "b", "a", "c")
    drawn = tuple(rows(tuple(Button(f"{number}{key}", "/status", id=key) for number, key in enumerate(ids))))
    assert [button.label for row in drawn for button in row.buttons] == ["0a", "1b", "3c"]


@pytest.mark.parametrize("command", load_registry(), ids=lambda command: command.name)
def test_no_value_is_offered_twice(command: Command, chat: Chat) -> None:
    known = (one for one in command.parameters if one.suggest is None or not callable(one.suggest.values))
    for parameter in known:
        values = offered_values(parameter, chat.desk)
        assert len(values) == len(set(values))


def test_the_operator_is_spoken_to_where_he_answers() -> None:
    assert private_chat("console:operator") == "console"
    assert private_chat("telegram:7") == "7"


def test_a_whole_number_is_written_as_people_write_it() -> None:
    """Discord's library hands over 10.0 where 10 was typed; settings and audit would tell two things of one."""
    assert [option_text(value) for value in (10.0, 1e6, 0.25, 1e-5)] == ["10", "1000000", "0.25", "0.00001"]


async def test_a_grant_for_days_may_be_confirmed_in_the_next_minute() -> None:
    """The end of "7d" moves on with the minutes: that is no other grant."""
    crew = Crew()
    crew.clock.forward(59_000 - crew.clock() % 60_000)
    card = await crew.reply("/grant telegram:555 viewer 7d", "1")
    crew.clock.forward(2_000)
    done = await crew.press(card, "Confirm", "1")
    assert done is not None
    assert done.title == "Access granted"
