"""`quarterdeck report`: its options. Nothing heavy is imported before it runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Config, Home, fail, finish, home_of
from cli.research.line_options import Json


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What was asked of `quarterdeck report`."""

    week: int
    html: Path | None
    account: str
    json: bool
    home: Path | None
    config: Path | None


def report(
    weekly: Annotated[
        bool, typer.Option("--weekly", help="The weekly report; the one kind there is.")
    ] = False,
    week: Annotated[
        int, typer.Option("--week", help="How many weeks back; 0 is this one.", min=0, max=520)
    ] = 0,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the page with pictures here too.")
    ] = None,
    account: Annotated[str, typer.Option("--account", help="Whose; default: the one there is.")] = "",
    json: Json = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Make a report from the home alone, offline: its ledger, its candle store. Nothing is applied or filed.

    Seven steps: history, backtest of the parameters in use, live trades, trend, kill switches, model checklist,
    alternatives. A step that fails is named and the rest still comes. It is kept in the home under results/weekly.
    """
    if not weekly:
        fail("report: say which one; there is --weekly")
    from cli.research.report_run import run_report

    finish(run_report, ReportOptions(week, html, account, json, home_of(home), config))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)
