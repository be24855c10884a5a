"""Where state lives, and the configuration that goes with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bot.domain.errors import ConfigError

if TYPE_CHECKING:
    from bot.config import LoadedConfig

HOME_VARIABLE = "QUARTERDECK_HOME"
HISTORY = "history"
"""The folder of the candle store in the home."""
DEFAULT_HOME = Path("~/.quarterdeck")
AUDIT_ANCHOR = "audit.anchor"
"""The file in the home that remembers where the audit trail ended."""


def resolve_home(given: Path | None, environ: Mapping[str, str]) -> Path:
    """The home asked for, else QUARTERDECK_HOME, else ~/.quarterdeck; made when it is not there."""
    named = given or Path(environ.get(HOME_VARIABLE) or DEFAULT_HOME)
    if not str(named).isprintable() or "?" in str(named):
        raise ConfigError(
            f"--home {str(named)!r}: a name without question mark and control characters is allowed"
        )
    try:
        home = named.expanduser().absolute()
    except RuntimeError:
        raise ConfigError(f"--home {named}: there is no such user") from None
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"--home {home}: cannot be used: {error.strerror}") from None
    return home


def prompt_history(home: Path) -> Path:
    """The file that remembers what was typed; `history` is the folder of candles, in older homes it was this file."""
    older, file = home / "history", home / "prompt_history"
    if older.is_file():
        older.replace(file)
    return file


def load(home: Path, config: Path | None, environ: Mapping[str, str]) -> "LoadedConfig":
    """The configuration; a file that was named must be there."""
    from bot.config import load_config  # longer to read than a home takes to find

    if config is not None and not config.is_file():
        raise ConfigError(f"--config {config}: there is no such file")
    return load_config(config, home, environ)
