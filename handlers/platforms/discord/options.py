"""Slash commands made from our definitions: a callback whose signature Discord's library can read."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from inspect import Parameter as PythonParameter
from inspect import Signature
from typing import Any, Optional

from discord import Interaction, app_commands

from handlers.command import Command
from handlers.parameter import NUMBERS, Kind, Parameter

type Answer = Callable[[Interaction, Command, Mapping[str, str]], Awaitable[None]]
type Suggest = Callable[[Interaction, Parameter, str], tuple[str, ...]]
type Option = bool | int | float | str | None

MOST_CHOICES = 25
_LARGEST = 2**53 - 1  # what a number option can carry
_HELP_LENGTH = 100
_TEXT_LENGTH = 100  # of a choice


def slash_command(
    command: Command, answer: Answer, suggest: Suggest, private: bool = False
) -> app_commands.Command[Any, ..., None]:
    """The command as Discord offers it: in guilds, or in direct messages with the bot."""

    async def callback(interaction: Interaction, **options: Option) -> None:
        given = {name: option_text(value) for name, value in options.items() if value is not None}
        await answer(interaction, command, given)

    callback.__signature__ = _signature(command)  # type: ignore[attr-defined]
    callback = app_commands.describe(**_descriptions(command))(callback)
    callback = app_commands.choices(**_choices(command))(callback)
    completions = {p.name: _completion(p, suggest) for p in command.parameters if _is_open(p)}
    callback = app_commands.autocomplete(**completions)(callback)
    made: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=command.name,
        description=command.help,
        callback=callback,
    )
    made.guild_only = not private
    if private:
        made.allowed_contexts = app_commands.AppCommandContext(
            guild=False, dm_channel=True, private_channel=False
        )
    return made


def option_text(value: Option) -> str:
    """An option's value as it would be typed; numbers arrive as floats, whole ones as 10.0."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return format(Decimal(repr(value)).normalize(), "f") if isinstance(value, float) else str(value)


def _signature(command: Command) -> Signature:
    keyword = PythonParameter.KEYWORD_ONLY
    parameters = [
        PythonParameter("interaction", PythonParameter.POSITIONAL_OR_KEYWORD, annotation=Interaction)
    ]
    for parameter in command.parameters:
        kind = _option_type(parameter)
        default = PythonParameter.empty if parameter.required else None
        annotation = kind if parameter.required else Optional[kind]  # noqa: UP045 (the library's ranges know no |)
        parameters.append(PythonParameter(parameter.name, keyword, default=default, annotation=annotation))
    if command.unconfirmed:
        parameters.append(PythonParameter(command.unconfirmed, keyword, default=None, annotation=bool | None))
    return Signature(parameters)


def _option_type(parameter: Parameter) -> Any:
    """Numbers and switches are typed; a number that may also be a word has to be text."""
    if parameter.choices or parameter.kind not in NUMBERS | {Kind.SWITCH}:
        return str
    if parameter.kind is Kind.SWITCH:
        return bool
    kind = int if parameter.kind is Kind.WHOLE else float
    low = -_LARGEST if parameter.low is None else parameter.low
    high = _LARGEST if parameter.high is None else parameter.high
    return app_commands.Range[kind, kind(low), kind(high)]


def _descriptions(command: Command) -> dict[str, str]:
    texts = {parameter.name: _description(parameter) for parameter in command.parameters}
    return {**texts, command.unconfirmed: "act without asking"} if command.unconfirmed else texts


def _description(parameter: Parameter) -> str:
    full = f"{parameter.help}: {parameter.allowed}" if parameter.help else parameter.allowed
    return next((text for text in (full, parameter.help) if 0 < len(text) <= _HELP_LENGTH), parameter.name)


def _choices(command: Command) -> dict[str, list[app_commands.Choice[str | int | float]]]:
    """Closed lists that fit; longer ones are completed while typing."""
    closed = [p for p in command.parameters if p.kind is Kind.CHOICE and not _is_open(p)]
    return {p.name: [app_commands.Choice(name=word, value=word) for word in p.choices] for p in closed}


def _is_open(parameter: Parameter) -> bool:
    """Completed while typing: text options except short closed lists."""
    is_text = _option_type(parameter) is str
    short = parameter.kind is Kind.CHOICE and len(parameter.choices) <= MOST_CHOICES
    return is_text and not short and not (parameter.kind is Kind.TEXT and parameter.suggest is None)


def _completion(parameter: Parameter, suggest: Suggest) -> Any:
    async def complete(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        values = suggest(interaction, parameter, current)[:MOST_CHOICES]
        return [
            app_commands.Choice(name=value, value=value) for value in values if len(value) <= _TEXT_LENGTH
        ]

    return complete
