"""What `quarterdeck ml` was asked, as it was written, and where its models and candles lie."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bot.domain.errors import ConfigError
from bot.domain.model import is_pooled
from bot.ml.card import check_symbol
from cli.options import home_of

if TYPE_CHECKING:
    from bot.config import LoadedConfig
    from strategies.registry import Registry


def _named(typed: str) -> str:
    """Symbols are written in capitals, names of pooled models are not."""
    return typed.lower() if is_pooled(typed) else typed.upper()


@dataclass(frozen=True)
class MlOptions:
    """The options by the names of the command line (`begin` is --from, `end` --to)."""

    symbol: str = ""
    symbols: str = ""
    phantoms: str = ""
    candles: tuple[str, ...] = ()
    funding: tuple[str, ...] = ()
    strategy: str = "composite"
    features: str = ""
    begin: str = ""
    end: str = ""
    fee: str = "0.0004"
    slippage: str = "0.0001"
    lookahead: int = 24
    timed_out: str = "drop"
    negative_ratio: float = 3.0
    seed: int = 0
    sweep: Path | None = None
    tuned: Path | None = None
    models: Path | None = None
    home: Path | None = None
    config: Path | None = None
    json: bool = False

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Self:
        """From the values of the command line; what is not there keeps its default."""
        names = {field.name for field in fields(cls)}
        said = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        kept = {name: value for name, value in said.items() if name in names and value is not None}
        home = said.get("home")
        kept["home"] = home_of(home if isinstance(home, Path) else None)
        kept["symbol"] = check_symbol(_named(str(kept["symbol"]))) if kept.get("symbol") else ""
        return cls(**kept)  # type: ignore[arg-type]

    @property
    def is_pooled(self) -> bool:
        """A model of several symbols is asked for."""
        return is_pooled(self.symbol)

    @cached_property
    def folder(self) -> Path:
        """The home, made when it is not there."""
        from cli.homes import resolve_home

        return resolve_home(self.home, os.environ)

    @cached_property
    def loaded(self) -> "LoadedConfig":
        """The configuration."""
        from cli.homes import load

        return load(self.folder, self.config, os.environ)

    @cached_property
    def shelf(self) -> Path:
        """Where models lie: --models, else the configuration's folder, in the home. Raises ConfigError for a file."""
        if self.models is None:
            return self.folder / self.loaded.settings.ml.folder
        chosen = self.models.expanduser()
        if chosen.exists() and not chosen.is_dir():
            raise ConfigError(f"--models {chosen}: is no folder; allowed: a folder, or a name for a new one")
        return chosen

    @property
    def threshold(self) -> float:
        """What a model asks of a signal where its training finds no threshold."""
        return float(self.loaded.settings.ml.threshold_of(self.strategy))

    @cached_property
    def registry(self) -> "Registry":
        """Our strategies; those of the configuration's folders when ours do not know the name, or one is named."""
        from strategies.registry import Registry

        ours = Registry()
        if self.strategy in ours.names() and not self.config:
            return ours
        return Registry([Path(path) for path in self.loaded.settings.strategy_paths])
