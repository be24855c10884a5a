"""The command line of research: one module per group of commands, nothing heavy imported before one runs."""

import typer


def register(app: typer.Typer, bench: typer.Typer) -> None:
    """Add the commands of research to the command line."""
