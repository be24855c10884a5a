"""`quarterdeck sweep`, `tune`, `compare`, `sizing`: their options. Nothing heavy is imported before one runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from cli.options import Config, Home, finish, home_of
from cli.research.line_options import Begin, End, Fee, Json, Many, Slippage
from cli.research.spread import SpreadCommand

if TYPE_CHECKING:
    from cli.research.sweep_options import SweepOptions


class SweepCommand(SpreadCommand):
    """`--candles FILE...` and `--set k=v ...` take many values; symbols come before the options."""

    several: ClassVar[tuple[str, ...]] = (
        "--candles", "--set", "--range", "--symbol", "--finer", "--funding",
    )  # fmt: skip


class CompareCommand(SpreadCommand):
    """Here `--set` is one candidate."""

    several: ClassVar[tuple[str, ...]] = ("--candles", "--strategy", "--finer", "--funding")


Symbols = Annotated[
    Many, typer.Argument(help="Symbols (default: all of the files, else the configuration's).")
]
Candles = Annotated[
    Many,
    typer.Option(
        "--candles", help="Parquet or CSV files, or folders; default: the store.", metavar="FILE..."
    ),
]
Strategy = Annotated[str, typer.Option("--strategy", help="Default: the configuration's.", metavar="NAME")]
Fixed = Annotated[
    Many, typer.Option("--set", help="A parameter that is the same in every set, k=v.", metavar="K=V...")
]
Timeframe = Annotated[str, typer.Option("--timeframe", help="Of the candles (default: the strategy's).")]
BothHit = Annotated[
    str, typer.Option("--both-hit", help="A bar reaches stop and target: stop, target or path.")
]
Finer = Annotated[
    Many,
    typer.Option("--finer", help="Candles of a lower timeframe, for --both-hit path.", metavar="FILE..."),
]
Funding = Annotated[
    Many, typer.Option("--funding", help="Funding rates; `store` takes the store's.", metavar="FILE...")
]
Folds = Annotated[str, typer.Option("--walk-forward", help="Folds; none: without.", metavar="TRAIN/TEST")]
Combined = Annotated[bool, typer.Option("--combined", help="All symbols jointly, their trades pooled.")]
Least = Annotated[int, typer.Option("--least", help="Trades that a set needs to mean anything.")]
Crew = Annotated[int, typer.Option("--workers", help="Processes; 0: one a core where the work is long.")]
ClusterAt = Annotated[str, typer.Option("--cluster", help="A Dask scheduler.", metavar="tcp://HOST:PORT")]
Picture = Annotated[Path | None, typer.Option("--picture", help="Write a picture (PNG).", metavar="FILE")]
Page = Annotated[Path | None, typer.Option("--html", help="Write a page with pictures.", metavar="FILE")]
Repeat = Annotated[
    Path | None, typer.Option("--repeat", help="Run a result file again and compare.", metavar="FILE")
]
Seed = Annotated[
    int, typer.Option("--seed", help="The same seed gives the same result.", min=0, max=2**32 - 1)
]
GRID = "YAML, a line a parameter: name: \\[values], or name: {from, to, step}."
"""Bare brackets would be markup."""


def sweep(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    symbols: Symbols = None,
    grid: Annotated[str, typer.Option("--grid", help=GRID, metavar="FILE")] = "",
    candles: Candles = None,
    strategy: Strategy = "",
    settings: Fixed = None,
    timeframe: Timeframe = "",
    begin: Begin = "",
    end: End = "",
    fee: Fee = "0.0004",
    slippage: Slippage = "0.0001",
    both_hit: BothHit = "stop",
    finer: Finer = None,
    funding: Funding = None,
    walk_forward: Folds = "3m/1m",
    combined: Combined = False,
    least: Least = 30,
    workers: Crew = 0,
    cluster: ClusterAt = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same sweep was stopped.")] = False,
    picture: Picture = None,
    html: Page = None,
    repeat: Repeat = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Try many parameter sets: ranked, walked forward, and said what the figures are worth."""
    given = dict(locals())  # exactly the options above
    with _lean(given, strategy, blind=repeat is not None):
        from cli.research.sweep_run import Ways, run_sweep

        finish(run_sweep, _options(given), Ways(resume, repeat, picture, html))


def tune(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    symbols: Symbols = None,
    ranges: Annotated[
        Many,
        typer.Option(
            "--range", help="Parameter and its ends (else: half to twice its default).", metavar="K=A:B..."
        ),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", help="Sets to try, all in all.")] = 200,
    candles: Candles = None,
    strategy: Strategy = "",
    settings: Fixed = None,
    timeframe: Timeframe = "",
    begin: Begin = "",
    end: End = "",
    fee: Fee = "0.0004",
    slippage: Slippage = "0.0001",
    both_hit: BothHit = "stop",
    finer: Finer = None,
    funding: Funding = None,
    walk_forward: Folds = "3m/1m",
    least: Least = 30,
    seed: Seed = 0,
    workers: Crew = 0,
    cluster: ClusterAt = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the trials there are.")] = False,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Search parameters over ranges (Optuna), symbols pooled; judged on windows that the search never saw."""
    given = dict(locals())  # exactly the options above
    from cli.research.tune_run import run_tune

    finish(run_tune, _options(given), tuple(ranges or ()), trials, resume)


def compare(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    symbols: Symbols = None,
    candidates: Annotated[
        Many,
        typer.Option(
            "--set", help='A candidate, "k=v k=v" or "name: k=v k=v"; may be repeated.', metavar="K=V..."
        ),
    ] = None,
    strategies: Annotated[
        Many,
        typer.Option("--strategy", help="A strategy as its files have it; may be repeated.", metavar="NAME"),
    ] = None,
    best: Annotated[
        Path | None, typer.Option("--sweep", help="A sweep's result file: its best set.", metavar="FILE")
    ] = None,
    candles: Candles = None,
    timeframe: Timeframe = "",
    begin: Begin = "",
    end: End = "",
    fee: Fee = "0.0004",
    slippage: Slippage = "0.0001",
    both_hit: BothHit = "stop",
    finer: Finer = None,
    funding: Funding = None,
    least: Least = 30,
    workers: Crew = 0,
    cluster: ClusterAt = "",
    repeat: Repeat = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Candidates side by side, symbols pooled: sets, strategies, a sweep's best, and what is in use."""
    given = dict(locals()) | {"strategy": (strategies or [""])[0]}
    with _lean(given, *(strategies or ()), blind=bool(best or repeat)):
        from cli.research.compare_run import CompareOptions, run_compare

        own = CompareOptions(tuple(candidates or ()), tuple(strategies or ()), str(best or ""))
        finish(run_compare, _options(given), own, repeat)


def sizing(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    result: Annotated[
        Path | None, typer.Option("--result", help="A result file of `quarterdeck backtest`.", metavar="FILE")
    ] = None,
    symbols: Annotated[
        Many,
        typer.Option("--symbol", help="Without a result: a fresh backtest of these.", metavar="SYMBOL..."),
    ] = None,
    candles: Candles = None,
    strategy: Strategy = "",
    settings: Fixed = None,
    timeframe: Timeframe = "",
    begin: Begin = "",
    end: End = "",
    fee: Fee = "0.0004",
    slippage: Slippage = "0.0001",
    funding: Funding = None,
    tolerance: Annotated[
        str, typer.Option("--tolerance", help='A drawdown and its chance: "drawdown 20% in 5%".')
    ] = "drawdown 20% in 5%",
    risk: Annotated[
        float, typer.Option("--risk", help="Per cent of equity a trade risks (or is worth).")
    ] = 1.0,
    ruin: Annotated[float, typer.Option("--ruin", help="Loss of the start that is ruin, per cent.")] = 50.0,
    paths: Annotated[int, typer.Option("--paths", help="Drawn of each kind.", min=100, max=100_000)] = 5_000,
    seed: Seed = 0,
    picture: Picture = None,
    repeat: Repeat = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """How much to risk per trade: Monte Carlo of the order of trades and of trades, for a stated tolerance."""
    given = dict(locals())  # exactly the options above
    with _lean(given, strategy, blind=repeat is not None):
        from cli.research.sizing_run import SizingOptions, run_sizing

        asked = SizingOptions(str(result or ""), tolerance, risk, ruin, paths)
        finish(run_sizing, _options(given), asked, picture, repeat)


@contextmanager
def _lean(given: dict[str, object], *strategies: str, blind: bool = False) -> Iterator[None]:
    """Nothing unused is read where all strategies are ours; `blind`: who knows which there will be."""
    from cli.research.lean_start import configured, is_ours, lean

    home, config = given["home"], given["config"]
    named = [name for name in strategies if name] or [
        configured(
            home_of(home if isinstance(home, Path) else None), config if isinstance(config, Path) else None
        )
    ]
    with lean("" if blind or not all(map(is_ours, named)) else named[0]) as without:
        given["lean"] = without
        yield


def _options(given: dict[str, object]) -> "SweepOptions":
    """The options that sweep, tune and compare share."""
    from dataclasses import fields

    from cli.research.sweep_options import SweepOptions

    home = given.get("home")
    given["home"] = home_of(home if isinstance(home, Path) else None)
    names = {field.name for field in fields(SweepOptions)}
    said = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in given.items()
        if name in names
    }
    return SweepOptions(**{name: () if _is_empty(name, value) else value for name, value in said.items()})  # type: ignore[arg-type]


def _is_empty(name: str, value: object) -> bool:
    return value is None and name not in {"home", "config"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("sweep", cls=SweepCommand)(sweep)
    app.command("tune", cls=SweepCommand)(tune)
    app.command("compare", cls=CompareCommand)(compare)
    app.command("sizing", cls=SweepCommand)(sizing)
