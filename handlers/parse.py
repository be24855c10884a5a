"""From words to typed arguments: one clear line for what is missing or wrong, never a guess that costs money.

A word that cannot be an optional parameter may be the next one ("/trades XRP", "/stats 30"); a word of the right kind
but out of its range is an error at once, and no parameter is ever dropped silently. `name=value` is understood, and
"double quotes" keep spaces together.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.runtime.desk import Desk
from handlers.command import Command
from handlers.parameter import Kind, Parameter
from handlers.text import clean, echo
from handlers.values import Fault, convert, written

MOST_CHARACTERS = 1_000
_WORD = re.compile(r'"([^"]*)"(?=\s|$)|(\S+)')


@dataclass(frozen=True, slots=True)
class Arguments:
    """Good arguments. `line` is the command as it would be typed again, `at_once` the flag that skips confirmation."""

    values: Mapping[str, object]
    line: str
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """A required parameter was not given; `line` is what was, to be completed with a value."""

    parameter: Parameter
    line: str


@dataclass(frozen=True, slots=True)
class Bad:
    """A value cannot be used: one line that says what and what is allowed; `offers` are corrected lines."""

    text: str
    offers: tuple[str, ...] = ()


type Bound = Arguments | Missing | Bad


@dataclass(slots=True)
class _Binding:
    """One line's way from words to arguments."""

    desk: Desk
    command: Command
    text: str
    values: dict[str, object] = field(default_factory=dict)
    next: int = 0
    named: bool = False
    at_once: bool = False
    unit: str = ""  # of the value just taken: it may follow as a word of its own

    def run(self) -> Bound:
        """Give every word to a parameter, then see what is missing."""
        for match in _WORD.finditer(self.text):
            parameter = self._upcoming
            if parameter is not None and parameter.rest:
                return self._take(parameter, self.text[match.start() :], match) or self.finish()
            wrong = self._word(match)
            if wrong is not None:
                return wrong
        return self.finish()

    @property
    def _upcoming(self) -> Parameter | None:
        left = self.command.parameters[self.next :]
        return left[0] if left else None

    def _word(self, match: re.Match[str]) -> Bad | None:
        word = match[1] if match[1] is not None else match[2]
        if self.command.unconfirmed and word.casefold() == self.command.unconfirmed:
            self.at_once = True
            return None
        if self.unit and word.casefold() == self.unit.casefold():
            self.unit = ""
            return None
        name, equals, value = word.partition("=")
        known = next((p for p in self.command.parameters if p.name == name.casefold() and not p.rest), None)
        if equals and known:
            self.named = True
            return self._take(known, value.strip('"'), match)
        parameter = self._slot(word)
        return self._take(parameter, word, match) if parameter else self._too_much(word)

    def _slot(self, word: str) -> Parameter | None:
        """The parameter a word belongs to: the upcoming one, or a later one when it cannot be that."""
        left = [p for p in self.command.parameters[self.next :] if p.name not in self.values]
        if not left or not isinstance(self._try(left[0], word), Fault):
            return left[0] if left else None
        for later in left[1:] if not left[0].required and not self._out_of_range(left[0], word) else ():
            if later.kind is not Kind.TEXT and self._fits_kind(later, word):
                return later
        return left[0]

    def _try(self, parameter: Parameter, word: str) -> object:
        return convert(parameter, word, self.desk)

    def _out_of_range(self, parameter: Parameter, word: str) -> bool:
        found = self._try(parameter, word)
        return isinstance(found, Fault) and found.out_of_range

    def _fits_kind(self, parameter: Parameter, word: str) -> bool:
        found = self._try(parameter, word)
        return not isinstance(found, Fault) or found.out_of_range

    def _take(self, parameter: Parameter, word: str, match: re.Match[str]) -> Bad | None:
        if parameter.name in self.values:
            return Bad(f"{parameter.name} is given twice. Usage: {self.command.usage}")
        value = convert(parameter, word, self.desk)
        if isinstance(value, Fault):
            return self._bad(parameter, value, match)
        self.values[parameter.name] = value
        self.unit = parameter.unit
        self.next = max(self.next, self.command.parameters.index(parameter) + 1)
        return None

    def _bad(self, parameter: Parameter, fault: Fault, match: re.Match[str]) -> Bad:
        head, tail = self.text[: match.start()], self.text[match.end() :]
        lead = f"{parameter.name}=" if match[0].casefold().startswith(f"{parameter.name}=") else ""
        lines = (f"/{self.command.name} {head}{lead}{near}{tail}" for near in fault.near)
        return Bad(f"{fault.text} Example: {self.command.example}", tuple(lines))

    def _too_much(self, word: str) -> Bad:
        return Bad(f"“{echo(word)}” is one word too many. Usage: {self.command.usage}")

    def finish(self) -> Bound:
        """The arguments, unless a required one is missing."""
        for parameter in self.command.parameters:
            if parameter.required and parameter.name not in self.values:
                given = self.text or " ".join(self._words(gap=True))
                lead = f"{parameter.name}=" if self.named and not parameter.rest else ""
                return Missing(parameter, f"/{self.command.name} {given}".strip() + f" {lead}")
        line = " ".join([f"/{self.command.name}", *self._words(gap=False)])
        return Arguments(self.values, line, self.at_once)

    def _words(self, gap: bool) -> list[str]:
        """The values as they would be typed; after a gap each needs its name."""
        words: list[str] = []
        for parameter in self.command.parameters:
            if parameter.name not in self.values:
                gap = True
                continue
            word = written(self.values[parameter.name])
            quoted = f'"{word}"' if " " in word and not parameter.rest else word
            words.append(f"{parameter.name}={quoted}" if gap and not parameter.rest else quoted)
        return words


def bind_line(command: Command, text: str, desk: Desk) -> Bound:
    """Arguments from the words after a command's name."""
    if len(text) > MOST_CHARACTERS:
        return Bad(f"That is {len(text):,} characters long; a command has at most {MOST_CHARACTERS:,}.")
    return _Binding(desk, command, clean(text)).run()


def bind_form(command: Command, given: Mapping[str, str], desk: Desk) -> Bound:
    """Arguments from named fields, as slash options and web forms send them; empty fields count as not given."""
    filled = {name: clean(value) for name, value in given.items() if value.strip()}
    if sum(map(len, filled.values())) > MOST_CHARACTERS:
        return Bad(f"A command has at most {MOST_CHARACTERS:,} characters.")
    binding = _Binding(desk, command, "", named=True)
    flag = filled.pop(command.unconfirmed, "") if command.unconfirmed else ""
    binding.at_once = flag.casefold() in ("true", "on", "yes", "1", command.unconfirmed or "now")
    parameters = {parameter.name: parameter for parameter in command.parameters}
    for name, value in filled.items():
        if name not in parameters:
            return Bad(f"“{echo(name)}” is no parameter of /{command.name}. Usage: {command.usage}")
        found = convert(parameters[name], value, desk)
        if isinstance(found, Fault):
            return Bad(f"{found.text} Example: {command.example}")
        binding.values[name] = found
    return binding.finish()
