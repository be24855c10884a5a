"""The command line of research: one module per group of commands, nothing heavy imported before one runs."""

import typer

from cli.research import backtest_line, bench_line, data_line, ml_line, report_line, sweep_line


def register(app: typer.Typer, bench: typer.Typer) -> None:
    """Add the commands of research to the command line."""
    backtest_line.register(app)
    sweep_line.register(app)
    data_line.register(app)
    report_line.register(app)
    ml_line.register(app)
    bench_line.register(bench)
