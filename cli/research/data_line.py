"""`quarterdeck fetch`, `import`, `data`: their options. Nothing heavy is imported before one runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Config, Home, finish, home_of
from cli.research.line_options import Json


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """What was asked of `quarterdeck fetch`."""

    symbols: tuple[str, ...]
    timeframe: str
    days: int
    venue: str
    only_candles: bool
    alone: bool
    again: bool
    json: bool
    home: Path | None
    config: Path | None


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What was asked of `quarterdeck import`."""

    files: tuple[Path, ...]
    symbol: str
    timeframe: str
    kind: str
    source: str
    json: bool
    home: Path | None


def fetch(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    symbols: Annotated[
        list[str] | None, typer.Argument(help="Symbols (default: the configuration's).")
    ] = None,
    timeframe: Annotated[str, typer.Option("--timeframe", help="Of the candles.")] = "15m",
    days: Annotated[int, typer.Option("--days", help="How far back.", min=1, max=5_000)] = 365,
    venue: Annotated[
        str, typer.Option("--venue", help="binance or bybit (default: the configuration's).")
    ] = "",
    only_candles: Annotated[
        bool, typer.Option("--only-candles", help="No funding, open interest, long/short ratio.")
    ] = False,
    alone: Annotated[
        bool, typer.Option("--alone", help="Not BTC and ETH, which others are compared with.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also what is stored already, to correct it.")
    ] = False,
    json: Json = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Fetch candles, funding, open interest and long/short ratios into the store; what is there is not asked again."""
    from cli.research.fetch_run import run_fetch

    chosen = tuple(name.upper() for name in symbols or ())
    flags = (only_candles, alone, again, json)
    finish(run_fetch, FetchOptions(chosen, timeframe, days, venue, *flags, home_of(home), config))


def import_files(
    files: Annotated[list[Path], typer.Argument(help="CSV or Parquet files, or folders of them.")],
    symbol: Annotated[str, typer.Option("--symbol", help="Where neither file nor its name says it.")] = "",
    timeframe: Annotated[str, typer.Option("--timeframe", help="Default: as the candles say.")] = "",
    kind: Annotated[
        str, typer.Option("--kind", help="candles, funding, open_interest, ls_ratio or ls_ratio_top.")
    ] = "candles",
    source: Annotated[
        str, typer.Option("--source", help="Where they come from, for example binance.")
    ] = "import",
    json: Json = False,
    home: Home = None,
) -> None:
    """Take candles or figures from files into the store: all of them, or nothing and every bad row with its line."""
    from cli.research.import_run import run_import

    given = (symbol.upper(), timeframe, kind, source, json)
    finish(run_import, ImportOptions(tuple(files), *given, home_of(home)))


def data(json: Json = False, home: Home = None) -> None:
    """List what is stored: from, to, bars, gaps."""
    from cli.research.data_view import run_data

    finish(run_data, home_of(home), json)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("fetch")(fetch)
    app.command("import")(import_files)
    app.command("data")(data)
