"""`quarterdeck backtest --phantoms FILE`: every signal of the run followed alone, as a table in a file."""

import os
from collections.abc import Sequence
from pathlib import Path

from bot.domain.decision import Decision
from bot.domain.errors import ConfigError
from cli.research.backtest_ask import Asked, home_of
from cli.research.backtest_options import BacktestOptions
from cli.research.kept import written
from research.results.files import packed

KINDS = (".json", ".csv")


def check_phantoms(options: BacktestOptions) -> None:
    """What cannot be written is refused before anything is traded. Raises ConfigError."""
    if options.phantoms and Path(options.phantoms).suffix not in KINDS:
        raise ConfigError(
            f"--phantoms {options.phantoms[-40:]!r} is not allowed; allowed: .json or .csv files"
        )
    if options.phantoms and options.repeat:
        raise ConfigError("--phantoms and --repeat do not go together: leave one of them out")


def write_phantoms(options: BacktestOptions, asked: Asked, decisions: Sequence[Decision]) -> Path:
    """Follow and write them; answers where. Raises ResultFileError, ConfigError."""
    from cli.homes import load
    from research.backtest.phantoms import csv_of, followed, row_of

    config = Path(options.config) if options.config else None
    ml = load(home_of(options), config, os.environ).settings.ml
    plan = asked.plan
    found = followed(decisions, asked.ground, plan.rules, ml.lookahead, float(ml.standard_notional))
    rows, path = [row_of(one) for one in found], Path(options.phantoms).expanduser()
    return written(path, packed(rows) + b"\n" if path.suffix == KINDS[0] else csv_of(rows))
