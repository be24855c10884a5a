"""What commands of the command line share: common options, the home asked for, how a command ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Where state lives (default: QUARTERDECK_HOME, else ~/.quarterdeck)."),
]
Config = Annotated[Path | None, typer.Option("--config", help="Configuration file (default: config.yaml).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line, for scripts.")]

_given_home: list[Path] = []


def home_of(home: Path | None) -> Path | None:
    """The home asked for after the command, or before it."""
    if home is not None:
        _given_home.append(home)
    return _given_home[-1] if _given_home else None


def finish[**P](work: Callable[P, int | None], *arguments: P.args, **named: P.kwargs) -> None:
    """Run a command's work; its answer is the exit code."""
    raise typer.Exit(int(work(*arguments, **named) or 0))


def fail(text: str) -> NoReturn:
    """End the command with one line: something on the command line cannot be."""
    typer.echo(text, err=True)
    raise typer.Exit(2)
