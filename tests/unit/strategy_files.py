"""Strategies of a user, written into a folder for a test; and the refusal that a slip in them gets."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.domain.errors import ConfigError
from strategies.registry import Registry, StrategyConfigError

CODE = '''
from bot.domain.signal import Hold, Signal
from bot.strategy import Strategy


class Mine(Strategy):
    """A user's strategy."""

    name = "{name}"
    timeframe = "{timeframe}"
    warmup_bars = {warmup_bars}

    def prepare(self, frame):
        return {{}}

    def decide(self, frame, columns, i):
        return Signal(frame.symbol, self.name, 0, None, 0.0, hold=Hold("never", 0.0, "<", 1.0))

    def explain(self, frame, columns, i):
        return ()


STRATEGY = Mine
'''
DEFAULTS = """
length:
  default: 14
  low: 2
  high: 200
  unit: bars
  help: How far back it looks.
factor: {default: 2.0, low: 0.5, high: 4.0, unit: x ATR, help: Distance of the stop.}
filtered: {default: true, help: Whether the filter is on.}
style: {default: calm, choices: [calm, bold], help: How it trades.}
"""


def strategy_folder(root: Path, name: str = "mine", defaults: str = DEFAULTS, **files: str) -> Path:
    """A user's strategy in a folder of its own, with override files by symbol; answers its parent folder."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "strategy.py").write_text(code(name))
    (folder / "default.yaml").write_text(defaults)
    for symbol, text in files.items():
        (folder / f"{symbol}.yaml").write_text(text)
    return root


def code(name: str = "mine", timeframe: str = "15m", warmup_bars: object = 10) -> str:
    return CODE.format(name=name, timeframe=timeframe, warmup_bars=warmup_bars)


def refusal(act: Callable[[], object]) -> str:
    """The message of the refusal, one printable line without a traceback in it."""
    with pytest.raises(StrategyConfigError) as caught:
        act()
    message = str(caught.value)
    assert isinstance(caught.value, ConfigError)
    assert message.isprintable()
    assert len(message) < 600
    assert caught.value.__cause__ is None
    return message


def mine(tmp_path: Path, defaults: str = DEFAULTS, **files: str) -> Registry:
    return Registry([strategy_folder(tmp_path, defaults=defaults, **files)])
