"""Proposals that change strategy parameters: applied through the engine as one command, one change of settings."""

import json
from dataclasses import dataclass

from bot.domain.action import RecordSetting
from bot.domain.command import Done, ParameterStep, SetParameters
from bot.domain.refusal import Refused
from bot.runtime.codec import decode, encode
from bot.runtime.desk import Desk
from bot.runtime.proposals import Draft, Figures, Verdict
from bot.strategy import Value

KIND = "parameters"
LOOKED_BACK = 500
"""So many changes of settings back the one is looked for that applied a set."""


def draft_of(title: str, steps: tuple[ParameterStep, ...], figures: Figures, source: str) -> Draft:
    """A parameter set as a proposal."""
    changes = tuple((f"{one.name} of {one.symbol}", f"{one.before}", f"{one.after}") for one in steps)
    return Draft(KIND, title, changes, figures, encode(SetParameters(steps)).decode(), source)


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The kind of proposals that are parameter sets; see handlers.proposal_book.Kind."""

    desk: Desk

    async def refusal(self, body: str) -> Refused | None:
        """A symbol not traded any more, a value out of its range, a parameter changed since: the first found."""
        for step in _steps(body):
            if step.symbol not in self.desk.instruments:
                return Refused("proposal", f"{step.symbol} is not traded any more")
            now = _value(self.desk, step)
            if now is None:
                words = f"the strategy of {step.symbol} has no parameter {step.name} any more"
                return Refused("proposal", words)
            if now != step.before:
                words = (
                    f"{step.name} of {step.symbol} is {now} now; it was {step.before} when this was proposed"
                )
                return Refused("proposal", words)
            checked = self.desk.check_parameter(step.symbol, step.name, _typed(step.after))
            if isinstance(checked, Refused):
                return checked
        return None

    async def apply(self, body: str, actor: str, origin: str) -> Done | Refused:
        """One command: all of them or none, journaled, from the next bar on."""
        return await self.desk.execute(SetParameters(_steps(body)), actor, origin)

    async def applied(self, body: str, verdict: Verdict) -> int | None:
        """The newest change since the verdict that set every one of them, by the one who decided.

        None while all of them are in force and the books do not have it yet.
        """
        wanted = {(f"parameter:{one.symbol}:{one.name}", json.dumps(one.after)) for one in _steps(body)}
        lines: dict[int, list[RecordSetting]] = {}
        for row in await self.desk.settings(LOOKED_BACK):
            if row.actor == verdict.by and row.at_ms >= verdict.at_ms:
                lines.setdefault(row.id, []).append(row)
        fits = (number for number, rows in lines.items() if {(row.key, row.value) for row in rows} == wanted)
        return max(fits, default=0) or (None if self._in_force(_steps(body)) else 0)

    def _in_force(self, steps: tuple[ParameterStep, ...]) -> bool:
        traded = all(step.symbol in self.desk.instruments for step in steps)
        return traded and all(_value(self.desk, step) == step.after for step in steps)


def _steps(body: str) -> tuple[ParameterStep, ...]:
    return decode(body, SetParameters).steps


def _value(desk: Desk, step: ParameterStep) -> Value | None:
    """The value in use; None where the symbol's strategy has no such parameter."""
    rows = desk.parameters(step.symbol)
    return next((one.value for one in rows if one.parameter.name == step.name), None)


def _typed(value: Value) -> str:
    """A value as a person would type it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
