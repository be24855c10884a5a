"""What `quarterdeck backtest` was asked, as it was written: plain values that a result file can hold."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

SHOWN_ONLY = ("html", "out", "phantoms", "repeat", "config", "home", "json")
"""They change nothing about the figures."""
FILES = ("candles", "finer", "funding", "rules", "market")
STORE = "store"


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """The options by the names of the command line (`begin` is --from, `end` --to, `settings` --set)."""

    candles: tuple[str, ...] = ()
    strategy: str = ""
    settings: tuple[str, ...] = ()
    fast: bool = False
    exact: bool = False
    symbol: tuple[str, ...] = ()
    timeframe: str = ""
    begin: str = ""
    end: str = ""
    wallet: str = "10000"
    leverage: int = 5
    sizing: str = "fixed"
    notional: str = "1000"
    risk: str = ""
    fee: str = "0.0004"
    slippage: str = "0.0001"
    both_hit: str = "stop"
    finer: tuple[str, ...] = ()
    funding: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    limits: bool = False
    walk_forward: str = ""
    market: tuple[str, ...] = ()
    look_ahead: bool = False
    html: str = ""
    out: str = ""
    phantoms: str = ""
    repeat: str = ""
    config: str = ""
    home: str = ""
    json: bool = False

    @classmethod
    def of(cls, given: Mapping[str, object], home_of: Callable[[Path | None], Path | None]) -> Self:
        """From the values of the command line; a home may stand before the command, too."""
        said = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        said = {name: () if value is None else value for name, value in said.items()}
        home = home_of(Path(str(said["home"])) if said["home"] else None)
        return cls(**{**said, "home": str(home) if home else ""})  # type: ignore[arg-type]

    @classmethod
    def asked_again(cls, config: Mapping[str, object], now: Self) -> Self:
        """What a result file recorded, shown as it is asked for now. Raises ValueError for keys that are unknown."""
        names = {field.name: field.default for field in fields(cls)}
        kept = {name: value for name, value in config.items() if name in names}
        if set(config) - set(names):
            raise ValueError(", ".join(sorted(set(config) - set(names))))
        for name, value in kept.items():
            if type(value) is not type(names[name]) and not (isinstance(value, list) and names[name] == ()):
                raise ValueError(name)
        plain = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
        return cls(**{**plain, **{name: getattr(now, name) for name in SHOWN_ONLY}})

    def recorded(self) -> dict[str, object]:
        """What a result file keeps: all that decides the figures, files by their whole paths."""
        whole = {name: value for name, value in asdict(self).items() if name not in SHOWN_ONLY}
        for name in FILES:
            whole[name] = [one if one == STORE else str(Path(one).absolute()) for one in whole[name]]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in whole.items()}
