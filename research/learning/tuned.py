"""Settings that a tuning proposed, read back from its document when a person asks for them."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from bot.domain.errors import ConfigError
from research.learning.boosting import BoostSettings
from research.results.files import read_json

MOST_BYTES = 1 << 20
PROPOSAL = "proposal"


def read_settings(path: Path, strategy: str, symbol: str) -> BoostSettings:
    """The proposed settings. Raises ConfigError for a file that is none of this strategy and symbol."""
    content = read_json(path, MOST_BYTES, "a file of `quarterdeck ml tune`")
    found = content.get(PROPOSAL) if isinstance(content, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
        raise ConfigError(f"{path}: holds no proposal; allowed: a file of `quarterdeck ml tune`")
    if (found.get("strategy"), found.get("symbol")) != (strategy, symbol):
        raise ConfigError(f"{path}: was tuned for {found.get('strategy')} {found.get('symbol')}")
    return settings_of(found["settings"], str(path))


def settings_of(given: Mapping[str, object], where: str) -> BoostSettings:
    """Settings by LightGBM's names; a name left out keeps its default. Raises ConfigError."""
    known = asdict(BoostSettings())
    taken: dict[str, int | float] = {}
    for name, value in given.items():
        if name not in known:
            raise ConfigError(f"{where}: {name[:40]!r} is unknown; allowed: {', '.join(known)}")
        whole = isinstance(known[name], int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value < 0:
            raise ConfigError(f"{where}: {name} is not a {'whole ' if whole else ''}number from 0")
        taken[name] = value
    return replace(BoostSettings(), **taken)  # type: ignore[arg-type]
