"""`quarterdeck backtest` as typed, in this process: its result, its JSON, the one line that refuses it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from typer.testing import CliRunner, Result

from bot.domain.errors import QuarterdeckError
from bot.strategy import Frame
from cli.main import app

LOOSE = ("--set", "signal_threshold=2", "adx_threshold=0", "volume_multiplier=1")
FIGURES = ("open", "high", "low", "close", "volume")

type Content = dict[str, object]
type Row = dict[str, object]


def write(folder: Path, frame: Frame, name: str = "") -> str:
    """The candles as a file, named by their symbol."""
    path = folder / f"{name or frame.symbol}.parquet"
    pq.write_table(pa.table({"timestamp": frame.open_at_ms, **{n: getattr(frame, n) for n in FIGURES}}), path)
    return str(path)


def typed(home: Path, *words: str) -> Result:
    """The command as typed."""
    return CliRunner().invoke(app, ["backtest", *words, "--home", str(home)])


def found(home: Path, *words: str, code: int = 0) -> Content:
    """Its JSON."""
    done = typed(home, *words, "--json")
    assert done.exit_code == code, (done.output, done.exception)
    content: Content = json.loads(done.stdout)
    return content


def slip(home: Path, *words: str) -> str:
    """The one line that refuses it."""
    done = typed(home, *words)
    assert isinstance(done.exception, QuarterdeckError), (done.output, done.exception)
    line = str(done.exception)
    assert "\n" not in line
    return line


def trades_of(content: Mapping[str, object]) -> list[Row]:
    """Its trades."""
    trades = content["trades"]
    assert isinstance(trades, list)
    return trades


def part(content: Mapping[str, object], name: str) -> dict[str, object]:
    """One of its sections."""
    section = content[name]
    assert isinstance(section, dict)
    return section


def notes(content: Mapping[str, object]) -> list[str]:
    """Its notes."""
    lines = content["notes"]
    assert isinstance(lines, list)
    return lines


def number(row: Mapping[str, object], name: str) -> float:
    """A figure of a row."""
    value = row[name]
    assert isinstance(value, int | float)
    return value
