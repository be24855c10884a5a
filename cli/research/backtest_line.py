"""`quarterdeck backtest`: its options. Nothing heavy is imported before it runs."""

from typing import Annotated, ClassVar

import typer

from cli.options import finish, home_of
from cli.research.backtest_options import BacktestOptions
from cli.research.line_options import Begin, End, Many
from cli.research.spread import SpreadCommand

FOLDS = "Judge the given parameters fold by fold, 3m/1m; nothing is chosen: that is `sweep`."
DOCUMENTED_FILES = "Parquet or CSV files, or folders of them"


class BacktestCommand(SpreadCommand):
    """`--candles FILE...` and `--set k=v ...` take many values."""

    several: ClassVar[tuple[str, ...]] = (
        "--candles", "--set", "--symbol", "--finer", "--funding", "--rules", "--market",
    )  # fmt: skip


def _many(name: str, text: str, metavar: str = "FILE...") -> object:
    return typer.Option(name, help=text, metavar=metavar)


def _one(name: str, text: str, metavar: str = "TEXT") -> object:
    return typer.Option(name, help=text, metavar=metavar)


def _flag(name: str, text: str) -> object:
    return typer.Option(name, help=text)


def backtest(  # noqa: PLR0913, PLR0917 - one argument per option of the command line
    candles: Annotated[Many, _many("--candles", f"{DOCUMENTED_FILES}; default: the store.")] = None,
    strategy: Annotated[str, _one("--strategy", "Which strategy trades.", "NAME")] = "",
    settings: Annotated[Many, _many("--set", "A parameter of the strategy, k=v.", "K=V...")] = None,
    fast: Annotated[bool, _flag("--fast", "Array code, by the rules alone (default).")] = False,
    exact: Annotated[bool, _flag("--exact", "The trading engine itself, every gate and limit.")] = False,
    symbol: Annotated[Many, _many("--symbol", "Only these symbols.", "SYMBOL...")] = None,
    timeframe: Annotated[str, _one("--timeframe", "Of the candles (default: the strategy's).")] = "",
    begin: Begin = "",
    end: End = "",
    wallet: Annotated[str, _one("--wallet", "Money at the start, in quote asset.")] = "10000",
    leverage: Annotated[int, typer.Option("--leverage", help="Of the account.", min=1, max=125)] = 5,
    sizing: Annotated[str, _one("--sizing", "fixed, risk_usd, risk_percent or margin_ratio.")] = "fixed",
    notional: Annotated[str, _one("--notional", "Value of a position, for --sizing fixed.")] = "1000",
    risk: Annotated[str, _one("--risk", "USDT or per cent at risk, for --sizing risk_...")] = "",
    fee: Annotated[str, _one("--fee", "Of notional, each side: 0.04% or 0.0004.")] = "0.0004",
    slippage: Annotated[str, _one("--slippage", "Of the price, against us.")] = "0.0001",
    both_hit: Annotated[str, _one("--both-hit", "A bar reaches both: stop, target or path.")] = "stop",
    finer: Annotated[Many, _many("--finer", "Candles of a lower timeframe, for --both-hit path.")] = None,
    funding: Annotated[Many, _many("--funding", "Funding rates; `store` takes the store's.")] = None,
    rules: Annotated[Many, _many("--rules", "exchangeInfo, then leverageBracket: exact only.")] = None,
    limits: Annotated[bool, _flag("--limits", "The account limits of config.yaml: exact only.")] = False,
    walk_forward: Annotated[str, _one("--walk-forward", FOLDS, "TRAIN/TEST")] = "",
    market: Annotated[Many, _many("--market", "Candles of BTCUSDT, ETHUSDT for the folds.")] = None,
    look_ahead: Annotated[bool, _flag("--look-ahead-check", "Cut the future off, compare signals.")] = False,
    html: Annotated[str, _one("--html", "Write a page with pictures.", "FILE")] = "",
    out: Annotated[str, _one("--out", "Write the result here (default: the home).", "FILE")] = "",
    phantoms: Annotated[str, _one("--phantoms", "Every signal followed alone: exact only.", "FILE")] = "",
    repeat: Annotated[str, _one("--repeat", "Run a result file again and compare.", "FILE")] = "",
    config: Annotated[str, _one("--config", "Configuration file (default: config.yaml).", "FILE")] = "",
    home: Annotated[str, _one("--home", "Where state lives.", "FOLDER")] = "",
    json: Annotated[bool, _flag("--json", "Only JSON on standard output.")] = False,
) -> None:
    """Trade a strategy on history: figures, trades, checks; walk-forward; a page with pictures."""
    given = dict(locals())  # exactly the options above
    from cli.research.lean_start import lean

    with lean(strategy):
        from cli.research.backtest_run import run_backtest_line

        finish(run_backtest_line, BacktestOptions.of(given, home_of))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("backtest", cls=BacktestCommand)(backtest)
