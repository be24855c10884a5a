"""`--phantoms FILE`: followed signals that have ended, as `quarterdeck backtest --phantoms FILE.json` writes them."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.domain.signal import Side
from bot.ml.phantom import LivedSignal, Outcome
from cli.research.ml_options import MlOptions
from research.results.files import read_json

LARGEST = 1 << 30


def lived_of(options: MlOptions, symbols: Sequence[str]) -> tuple[LivedSignal, ...]:
    """Those of the strategy and of these symbols; none where no file is named. Raises ConfigError."""
    if not options.phantoms:
        return ()
    path = Path(options.phantoms).expanduser()
    rows = _rows(path)
    mine = [
        _signal(row, f"--phantoms {path.name}, row {number}")
        for number, row in enumerate(rows, 1)
        if row.get("strategy") == options.strategy and row.get("symbol") in symbols and row.get("outcome")
    ]
    if not mine:
        raise ConfigError(
            f"--phantoms {path.name}: none of its {len(rows):,} rows is a signal of {options.strategy} for "
            f"{options.symbol} that has ended"
        )
    return tuple(mine)


def _rows(path: Path) -> list[Mapping[str, object]]:
    content = read_json(path, LARGEST, "a .json file of `quarterdeck backtest --phantoms`")
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise ConfigError(f"--phantoms {path.name}: is no list of signals")
    return content


def _signal(row: Mapping[str, object], where: str) -> LivedSignal:
    return LivedSignal(
        symbol=str(row["symbol"]),
        bar_at_ms=_time(row, where),
        side=_side(row, where),
        outcome=_outcome(row, where),
        net_return=_number(row, "net_return", where),
        features=_features(row, where),
        feature_hash=str(row.get("feature_hash") or ""),
    )


def _time(row: Mapping[str, object], where: str) -> int:
    found = row.get("bar_at_ms")
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < 1 << 53:
        raise ConfigError(f"{where}: bar_at_ms {str(found)[:40]!r} is not allowed; milliseconds since 1970")
    return found


def _side(row: Mapping[str, object], where: str) -> int:
    found = str(row.get("side"))
    if found not in set(Side):
        raise ConfigError(f"{where}: side {found[:40]!r} is not allowed; allowed: {', '.join(Side)}")
    return Side(found).sign


def _outcome(row: Mapping[str, object], where: str) -> Outcome:
    found = str(row.get("outcome"))
    if found not in set(Outcome):
        raise ConfigError(f"{where}: outcome {found[:40]!r} is not allowed; allowed: {', '.join(Outcome)}")
    return Outcome(found)


def _number(row: Mapping[str, object], name: str, where: str) -> float:
    found = row.get(name)
    if not isinstance(found, int | float) or isinstance(found, bool) or not isfinite(found):
        raise ConfigError(f"{where}: {name} {str(found)[:40]!r} is no number")
    return float(found)


def _features(row: Mapping[str, object], where: str) -> tuple[float | None, ...]:
    found = row.get("features") or []
    if not isinstance(found, list):
        raise ConfigError(f"{where}: features are no list")
    figures = (_number({"feature": one}, "feature", where) if one is not None else None for one in found)
    return tuple(figures)
