"""The manual is generated from the definitions."""

from chat_fakes import COMMANDS

from handlers.manual import commands_json, commands_markdown
from handlers.registry import Registry

REGISTRY = Registry(COMMANDS)


def test_every_command_is_in_the_page_with_its_usage() -> None:
    page = commands_markdown(REGISTRY)
    for command in REGISTRY:
        assert f"`{command.usage}`".replace("|", "\\|") in page
        assert command.help in page
    assert page.index("## Desk") < page.index("## Trade") < page.index("## Risk")
    assert "- `amount`: loss at the stop; a number from 0.1 to 1000 USDT; for example `5`" in page
    assert "- `now`: acts without asking" in page


def test_every_command_as_json() -> None:
    found = {str(one["name"]): one for one in commands_json(REGISTRY)}
    assert list(found) == [command.name for command in COMMANDS]
    assert found["stoploss"]["aliases"] == ["sl"]
    assert (found["set_risk"]["role"], found["set_risk"]["confirmation"]) == ("trader", "button")
    assert found["trades"]["parameters"][0] == {  # type: ignore[index]
        "name": "n",
        "type": "whole number",
        "required": False,
        "default": "10",
        "help": "how many",
        "choices": [],
        "low": "1",
        "high": "100",
        "unit": "",
        "example": "",
        "rest": False,
    }
