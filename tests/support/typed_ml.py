"""`quarterdeck ml` as typed, in this process: its JSON, the one line that refuses it; and markets to learn from."""

import json
from pathlib import Path

import numpy as np
from markets import frame_of
from typer.testing import CliRunner, Result

from bot.domain.errors import QuarterdeckError
from bot.strategy import Frame
from cli.main import app


def walk(seed: int, symbol: str, bars: int) -> Frame:
    """A walk with many surges of volume."""
    chance = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(0.003 * chance.standard_normal(bars)))
    opened = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    return frame_of(opened, high, low, close, chance.lognormal(7.0, 1.6, bars), symbol=symbol)


def typed(home: Path, *words: str) -> Result:
    """The command as typed."""
    return CliRunner().invoke(app, ["ml", *words, "--home", str(home)])


def found(home: Path, *words: str) -> dict[str, object]:
    """Its JSON."""
    done = typed(home, *words, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    content: dict[str, object] = json.loads(done.stdout)
    return content


def slip(home: Path, *words: str) -> str:
    """The one line that refuses it."""
    done = typed(home, *words)
    assert isinstance(done.exception, QuarterdeckError), (done.output, done.exception)
    assert "\n" not in str(done.exception)
    return str(done.exception)
