"""Options with several values behind one name: `--candles a.parquet b.parquet` as well as twice `--candles`."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import typer
from typer.core import TyperCommand


def spread(arguments: Sequence[str], options: Iterable[str]) -> list[str]:
    """Name the option again before every further value; values end at the next word that begins with a dash."""
    several, found, current = set(options), list[str](), ""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            current = word if word in several else ""
            found.append(word)
            if rest:  # the option's own first value, whatever it looks like
                found += [rest.pop(0)] if current else []
        elif current:
            found += [current, word]
        else:
            found.append(word)
    return found


class SpreadCommand(TyperCommand):
    """A command whose options named in `several` take many values. It must have no positional arguments."""

    several: ClassVar[tuple[str, ...]] = ()

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """As written out."""
        return super().parse_args(ctx, spread(args, self.several))
