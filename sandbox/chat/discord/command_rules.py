"""What application commands may look like, checked before they are registered."""

import re
from collections.abc import Sequence

from sandbox.chat.discord.answers import Form, Json

COMMANDS = 100
OPTIONS = 25
CHOICES = 25
TOTAL = 8000
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = 3, 4, 5, 6, 7, 8, 9, 10, 11
_GROUPS = (1, 2)
_KINDS = (*_GROUPS, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT)
_NAME = re.compile(r"[-_a-z0-9]{1,32}")
_LARGEST = 2**53


def check_commands(commands: Sequence[Json]) -> None:
    """Refuse the whole list when any of it is wrong."""
    form = Form()
    if len(commands) > COMMANDS:
        form.wrong(
            "_commands",
            "APPLICATION_COMMANDS_MAX",
            f"Maximum number of application commands reached ({COMMANDS})",
        )
    names = [(command.get("type", 1), command.get("name")) for command in commands]
    for place, command in enumerate(commands):
        _command(form, str(place), command)
        if names.index(names[place]) != place:
            form.wrong(
                str(place), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"
            )
    form.close()


def _command(form: Form, path: str, command: Json) -> None:
    if command.get("type", 1) != 1:
        form.text(f"{path}.name", command.get("name"), 1, 32)
        return
    _name(form, f"{path}.name", command.get("name"))
    form.text(f"{path}.description", command.get("description"), 1, 100)
    _options(form, f"{path}.options", command.get("options"))
    if _length(command) > TOTAL:
        form.wrong(path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({TOTAL})")


def _name(form: Form, path: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        form.wrong(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _options(form: Form, path: str, given: object) -> None:
    options = form.rows(path, given, OPTIONS)
    names = [option.get("name") for option in options]
    optional_seen = False
    for place, option in enumerate(options):
        where = f"{path}.{place}"
        _option(form, where, option)
        if names.index(names[place]) != place:
            form.wrong(where, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique")
        if option.get("required") and optional_seen:
            form.wrong(
                where,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen = optional_seen or not option.get("required")


def _option(form: Form, path: str, option: Json) -> None:
    kind = option.get("type")
    if kind not in _KINDS:
        form.wrong(f"{path}.type", "BASE_TYPE_CHOICES", f"Value must be one of {_KINDS}.")
    _name(form, f"{path}.name", option.get("name"))
    form.text(f"{path}.description", option.get("description"), 1, 100)
    if kind in _GROUPS:
        _options(form, f"{path}.options", option.get("options"))
    if option.get("choices"):
        check_choices(form, f"{path}.choices", option["choices"], kind)
        if option.get("autocomplete"):
            form.wrong(
                path,
                "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES",
                "Choices and autocomplete exclude each other",
            )
    _range(form, path, option)


def _range(form: Form, path: str, option: Json) -> None:
    low, high = option.get("min_value"), option.get("max_value")
    if (low is not None or high is not None) and option.get("type") not in (INTEGER, NUMBER):
        form.wrong(path, "APPLICATION_COMMAND_OPTIONS_RANGE", "Only numbers have a range")
    for name, value in (("min_value", low), ("max_value", high)):
        if value is not None and abs(value) > _LARGEST:
            form.wrong(f"{path}.{name}", "NUMBER_TYPE_MAX", f"Must be between -{_LARGEST} and {_LARGEST}")
    if low is not None and high is not None and low > high:
        form.wrong(path, "APPLICATION_COMMAND_OPTIONS_RANGE", "The least value is above the largest")


def check_choices(form: Form, path: str, given: object, kind: object) -> None:
    """Choices of an option or of a completion: at most 25, names 1 to 100, values of the option's type."""
    choices = form.rows(path, given, CHOICES)
    names = [choice.get("name") for choice in choices]
    for place, choice in enumerate(choices):
        where = f"{path}.{place}"
        form.text(f"{where}.name", choice.get("name"), 1, 100)
        if kind == STRING:
            form.text(f"{where}.value", choice.get("value"), 0, 100)
        elif not _fits(choice.get("value"), kind):
            form.wrong(f"{where}.value", "NUMBER_TYPE_COERCE", "Value is not of the option's type.")
        if names.index(names[place]) != place:
            form.wrong(
                where, "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_DUPLICATE", "Choice names must be unique"
            )


def _fits(value: object, kind: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) if kind == INTEGER else isinstance(value, int | float)


def _length(command: Json) -> int:
    """Characters of names, descriptions and values, as the 8,000 are counted."""
    own = len(str(command.get("name") or "")) + len(str(command.get("description") or ""))
    choices = [
        part for choice in command.get("choices") or [] for part in (choice.get("name"), choice.get("value"))
    ]
    inner = sum(_length(option) for option in command.get("options") or [])
    return own + sum(len(str(part)) for part in choices) + inner
