"""`quarterdeck ml`: its commands and their options. Nothing heavy is imported before one runs."""

from pathlib import Path
from typing import Annotated, ClassVar

import typer

from cli.options import Config, Home, finish
from cli.research.line_options import Begin, End, Fee, Json, Many, Slippage
from cli.research.ml_clusters_line import clusters
from cli.research.spread import SpreadCommand


class MlCommand(SpreadCommand):
    """`--candles FILE...` and `--funding FILE...` take many values; the symbol comes before the options."""

    several: ClassVar[tuple[str, ...]] = ("--candles", "--funding")


Symbol = Annotated[str, typer.Argument(help="Whose model.")]
Taught = Annotated[str, typer.Argument(help="Whose model: a symbol, _general, or _cluster-NUMBER.")]
Symbols = Annotated[
    str,
    typer.Option(
        "--symbols", help="Whose signals a model of several symbols learns from, by commas.", metavar="NAMES"
    ),
]
Phantoms = Annotated[
    str,
    typer.Option(
        "--phantoms",
        help="Followed signals (`backtest --phantoms FILE.json`): they stand instead of the history's.",
        metavar="FILE",
    ),
]
Candles = Annotated[
    Many,
    typer.Option(
        "--candles",
        help="Parquet or CSV files, or folders; BTCUSDT and ETHUSDT among them are compared with. Default: the store.",
        metavar="FILE...",
    ),
]
Funding = Annotated[
    Many, typer.Option("--funding", help="Files of funding rates, with --candles.", metavar="FILE...")
]
Strategy = Annotated[str, typer.Option("--strategy", help="Whose signals.", metavar="NAME")]
FEATURES_HELP = "Groups or features, by commas (default: what ml.features says of the strategy)."
Features = Annotated[str, typer.Option("--features", help=FEATURES_HELP, metavar="NAMES")]
Lookahead = Annotated[int, typer.Option("--lookahead", help="Bars until a signal's time is over.")]
TimedOutWord = Annotated[
    str, typer.Option("--timed-out", help="Signals whose time is over: drop, or sign (of the gain).")
]
Ratio = Annotated[float, typer.Option("--negative-ratio", help="Bars without a signal, for each signal.")]
Seed = Annotated[
    int, typer.Option("--seed", help="The same seed gives the same model.", min=0, max=2**32 - 1)
]
Tuned = Annotated[
    Path | None, typer.Option("--tuned", help="Settings proposed by `ml tune`.", metavar="FILE")
]
Models = Annotated[
    Path | None, typer.Option("--models", help="Where models lie (default: the home's).", metavar="DIR")
]


def train(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    symbol: Taught,
    candles: Candles = None,
    funding: Funding = None,
    symbols: Symbols = "",
    phantoms: Phantoms = "",
    strategy: Strategy = "composite",
    backend: Annotated[
        str, typer.Option("--backend", help="lightgbm, or mlp: a small neural network beside it.")
    ] = "lightgbm",
    features: Features = "",
    begin: Begin = "",
    end: End = "",
    fee: Fee = "0.0004",
    slippage: Slippage = "0.0001",
    lookahead: Lookahead = 24,
    timed_out: TimedOutWord = "drop",
    negative_ratio: Ratio = 3.0,
    seed: Seed = 0,
    sweep: Annotated[
        Path | None, typer.Option("--sweep", help="A sweep's result file: how overfit it is.", metavar="FILE")
    ] = None,
    tuned: Tuned = None,
    use: Annotated[bool, typer.Option("--use", help="Use it from the next bar on.")] = False,
    models: Models = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Train a model, judge it out of sample, and write it with its card and its report as a new version."""
    given = dict(locals())  # exactly the options above
    from cli.research.ml_options import MlOptions
    from cli.research.ml_train import run_train

    finish(run_train, MlOptions.of(given), backend, use)


def ablation(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    symbol: Taught,
    candles: Candles = None,
    funding: Funding = None,
    symbols: Symbols = "",
    phantoms: Phantoms = "",
    strategy: Strategy = "composite",
    features: Features = "",
    begin: Begin = "",
    end: End = "",
    fee: Fee = "0.0004",
    slippage: Slippage = "0.0001",
    lookahead: Lookahead = 24,
    timed_out: TimedOutWord = "drop",
    negative_ratio: Ratio = 3.0,
    seed: Seed = 0,
    tuned: Tuned = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Does a model say more than the strategy did: its AUC without the strategy's own word."""
    given = dict(locals())  # exactly the options above
    from cli.research.ml_doubt import run_ablation
    from cli.research.ml_options import MlOptions

    finish(run_ablation, MlOptions.of(given))


def compare(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    symbol: Taught,
    candles: Candles = None,
    funding: Funding = None,
    symbols: Symbols = "",
    phantoms: Phantoms = "",
    strategy: Strategy = "composite",
    features: Features = "",
    begin: Begin = "",
    end: End = "",
    fee: Fee = "0.0004",
    slippage: Slippage = "0.0001",
    lookahead: Lookahead = 24,
    timed_out: TimedOutWord = "drop",
    negative_ratio: Ratio = 3.0,
    seed: Seed = 0,
    tuned: Tuned = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """The backtest with and without the filter, over bars that the filter's models never saw."""
    given = dict(locals())  # exactly the options above
    from cli.research.ml_doubt import run_compare
    from cli.research.ml_options import MlOptions

    finish(run_compare, MlOptions.of(given))


def tune(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    symbol: Taught,
    trials: Annotated[int, typer.Option("--trials", help="Settings to try, all in all.")] = 60,
    candles: Candles = None,
    funding: Funding = None,
    symbols: Symbols = "",
    phantoms: Phantoms = "",
    strategy: Strategy = "composite",
    features: Features = "",
    begin: Begin = "",
    end: End = "",
    fee: Fee = "0.0004",
    slippage: Slippage = "0.0001",
    lookahead: Lookahead = 24,
    timed_out: TimedOutWord = "drop",
    negative_ratio: Ratio = 3.0,
    seed: Seed = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the trials there are, of other machines, too.")
    ] = False,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Search LightGBM's settings (Optuna) and propose the best, judged on the last fold, which no trial saw."""
    given = dict(locals())  # exactly the options above
    from cli.research.ml_options import MlOptions
    from cli.research.ml_tune import run_tune

    finish(run_tune, MlOptions.of(given), trials, resume)


def status(
    symbol: Annotated[str, typer.Argument(help="Only this one's.")] = "",
    models: Models = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List models: versions, which is in use, what they were advised for."""
    given = dict(locals())  # exactly the options above
    from cli.research.ml_options import MlOptions
    from cli.research.ml_shelf import run_status

    finish(run_status, MlOptions.of(given))


def reset(
    symbol: Symbol,
    strategy: Strategy = "composite",
    models: Models = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Use no model of a symbol any more; its versions stay."""
    given = dict(locals())  # exactly the options above
    from cli.research.ml_options import MlOptions
    from cli.research.ml_shelf import run_reset

    finish(run_reset, MlOptions.of(given))


def export_onnx(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    symbol: Symbol,
    version: Annotated[str, typer.Option("--version", help="Default: the one in use, else the newest.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it here (default: a new version).", metavar="FILE")
    ] = None,
    strategy: Strategy = "composite",
    models: Models = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write a LightGBM model as ONNX and compare its scores."""
    given = dict(locals())  # exactly the options above
    from cli.research.ml_options import MlOptions
    from cli.research.ml_shelf import run_export

    finish(run_export, MlOptions.of(given), version, out)


def install(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    card: Annotated[Path, typer.Argument(help="Its card (JSON): strategy, symbol, features, canary rows.")],
    model: Annotated[Path, typer.Argument(help="The file: LightGBM text or ONNX, as the card says.")],
    report: Annotated[Path | None, typer.Option("--report", help="A page about it.", metavar="FILE")] = None,
    use: Annotated[bool, typer.Option("--use", help="Use it from the next bar on.")] = False,
    models: Models = None,
    home: Home = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Put a model made elsewhere in place, after the checks that a trained one passes."""
    given = dict(locals())  # exactly the options above
    from cli.research.ml_install import run_install
    from cli.research.ml_options import MlOptions

    finish(run_install, MlOptions.of(given), card, model, report, use)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    ml = typer.Typer(
        no_args_is_help=True, help="Models that judge signals: train, doubt, tune, list, export."
    )
    ml.command("train", cls=MlCommand)(train)
    ml.command("ablation", cls=MlCommand)(ablation)
    ml.command("compare", cls=MlCommand)(compare)
    ml.command("tune", cls=MlCommand)(tune)
    ml.command("clusters", cls=MlCommand)(clusters)
    ml.command("status")(status)
    ml.command("reset")(reset)
    ml.command("export-onnx")(export_onnx)
    ml.command("install")(install)
    app.add_typer(ml, name="ml")
