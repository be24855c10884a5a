"""Settings of the collectors: what exchanges forget is written down while the desk runs."""

from typing import Annotated

from pydantic import AfterValidator

from bot.config.kinds import SYMBOL_RULE, SymbolName
from bot.config.values import Section, Switch, refused, setting


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise refused(f"{', '.join(twice)} more than once; each symbol is collected once")
    return names


class Collect(Section):
    """Funding rates, open interest and long/short ratios, asked for every 15 minutes and kept in the home's history."""

    enabled: Switch = setting(True, "false collects nothing. A generated market has nothing to collect.")
    symbols: Annotated[tuple[SymbolName, ...], AfterValidator(_once)] = setting(
        (), "Of which contracts; empty: those that are traded.", allowed=f"list of {SYMBOL_RULE}"
    )
