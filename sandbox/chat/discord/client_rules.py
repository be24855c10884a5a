"""What Discord's own client lets a person send: options by their registered types, forms by their limits."""

from collections.abc import Mapping

from sandbox.chat.discord.answers import Json
from sandbox.chat.discord.command_rules import BOOLEAN, INTEGER, NUMBER, STRING, USER
from sandbox.chat.discord.modal_rules import INPUT_VALUE, Entry, entries

_TEXT = 6000


class Impossible(Exception):
    """The real client would not let the person do this."""


def option_values(command: Json, given: dict[str, object]) -> list[Json]:
    """The options as the client sends them: required ones there, types and choices right, unknown ones refused."""
    known = {option["name"]: option for option in command.get("options") or []}
    for name in given.keys() - known.keys():
        raise Impossible(f"/{command['name']} has no option {name}")
    for name, option in known.items():
        if option.get("required") and name not in given:
            raise Impossible(f"/{command['name']} needs {name}")
    return [_row(known[name], given[name]) for name in known if name in given]


def completion_data(command: Json, option: str, typed: str) -> Json:
    """What is sent while an option is typed."""
    found = next((one for one in command.get("options") or [] if one["name"] == option), None)
    if found is None or not found.get("autocomplete"):
        raise Impossible(f"{option} of /{command['name']} is not completed")
    return {"options": [{"name": option, "type": found["type"], "value": typed, "focused": True}]}


def modal_values(modal: Json, given: Mapping[str, str]) -> dict[str, str]:
    """Values by custom id, from values by label or custom id; what the bot has filled in stays."""
    filled: dict[str, str] = {}
    named = set()
    for entry in entries(modal):
        own = str(entry.part["custom_id"])
        named |= {entry.label, own} & given.keys()
        filled[own] = _entered(
            entry, given.get(entry.label, given.get(own, str(entry.part.get("value") or "")))
        )
    for name in given.keys() - named:
        raise Impossible(f"the form has no {name}")
    return filled


def _row(option: Json, value: object) -> Json:
    chosen = _chosen(option, value) if option.get("choices") else value
    if not _fits(option, chosen):
        raise Impossible(f"{option['name']} does not take {value!r}")
    return {"name": option["name"], "type": option["type"], "value": chosen}


def _chosen(option: Json, value: object) -> object:
    for choice in option["choices"]:
        if value in (choice["name"], choice["value"]):
            return choice["value"]
    raise Impossible(f"{option['name']} offers no {value!r}")


def _fits(option: Json, value: object) -> bool:
    kind = option["type"]
    if kind == BOOLEAN or isinstance(value, bool):
        return kind == BOOLEAN and isinstance(value, bool)
    if kind in (INTEGER, NUMBER):
        wanted = int if kind == INTEGER else (int, float)
        return isinstance(value, wanted) and _within(option, value)
    if kind not in (STRING, USER):
        raise Impossible(f"the sandbox knows no options of type {kind}")
    if not isinstance(value, str):
        return False
    least, most = option.get("min_length", 0), option.get("max_length", _TEXT)
    return bool(least <= len(value) <= most) if kind == STRING else value.isdecimal()


def _within(option: Json, value: float) -> bool:
    low, high = option.get("min_value"), option.get("max_value")
    return (low is None or value >= low) and (high is None or value <= high)


def _entered(entry: Entry, value: str) -> str:
    options = entry.part.get("options")
    if entry.required and not value:
        raise Impossible(f"{entry.label} must be filled in")
    if options is not None:
        return _option(entry, value)
    least = entry.part.get("min_length") or 0
    most = entry.part.get("max_length") or INPUT_VALUE
    if value and not least <= len(value) <= most:
        raise Impossible(f"{entry.label} takes {least} to {most} characters")
    return value


def _option(entry: Entry, value: str) -> str:
    for option in entry.part["options"]:
        if value in (option["label"], option["value"]):
            return str(option["value"])
    if value:
        raise Impossible(f"{entry.label} offers no {value!r}")
    return ""
