"""Where strategies live on disk: found by walking folders in name order, their code loaded when first asked for."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bot.domain.market import TIMEFRAMES_MS
from bot.strategy import Strategy
from strategies.registry.documents import StrategyConfigError, shown

OWN = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Home:
    """The files of one strategy: a folder `<name>/strategy.py`, or a user's `<name>.py` with `<name>.yaml`."""

    name: str
    code: Path
    defaults: Path
    prefix: str
    own: bool

    def symbol_files(self) -> dict[str, Path]:
        """Override files by symbol."""
        files = sorted(self.defaults.parent.glob(f"{self.prefix}*.yaml"))
        return {path.name[len(self.prefix) : -len(".yaml")]: path for path in files if path != self.defaults}

    def label(self, path: Path) -> str:
        """The file's name in messages: ours from the project's root, a user's as the user wrote it."""
        return path.relative_to(OWN.parent).as_posix() if self.own else str(path)


def homes(strategy_paths: Sequence[Path]) -> dict[str, Home]:
    """Every strategy by name: our own first, then each of the given folders, each in name order."""
    found: dict[str, Home] = {}
    for root in (OWN, *strategy_paths):
        for home in _homes_in(root):
            if home.name in found:
                other = found[home.name]
                raise StrategyConfigError(
                    f"{home.label(home.code)}: strategy {home.name} exists already in {other.label(other.code)}"
                )
            found[home.name] = home
    return found


def strategy_class(home: Home) -> type[Strategy]:
    """The class named in STRATEGY, checked for what a strategy must declare."""
    label = home.label(home.code)
    found = getattr(_module(home, label), "STRATEGY", None)
    if not (isinstance(found, type) and issubclass(found, Strategy)):
        raise StrategyConfigError(f"{label}: STRATEGY must name a subclass of bot.strategy.Strategy")
    problem = _problem(found, home.name)
    if problem:
        raise StrategyConfigError(f"{label}: {problem}")
    return found


def _homes_in(root: Path) -> Iterator[Home]:
    if not root.is_dir():
        raise StrategyConfigError(f"strategy_paths: {root} is not a folder")
    own = root == OWN
    for path in sorted(root.iterdir()):
        if (path / "strategy.py").is_file():
            yield Home(path.name, path / "strategy.py", path / "default.yaml", "", own)
        elif not own and path.suffix == ".py" and path.with_suffix(".yaml").is_file():
            yield Home(path.stem, path, path.with_suffix(".yaml"), f"{path.stem}.", own)


def _module(home: Home, label: str) -> ModuleType:
    try:
        return importlib.import_module(f"strategies.{home.name}.strategy") if home.own else _foreign(home)
    except SyntaxError as error:
        raise StrategyConfigError(f"{label}: line {error.lineno}: is not Python") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's code may raise anything; its text stays out of chats
        raise StrategyConfigError(f"{label}: cannot be loaded ({type(error).__name__})") from None


def _foreign(home: Home) -> ModuleType:
    """A user's file as a module of its own name, known to `sys.modules` as dataclasses need it."""
    name = f"user_strategies.{home.name}"
    spec = importlib.util.spec_from_file_location(name, home.code)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _problem(found: type[Strategy], name: str) -> str:
    """What the class declares wrongly, empty when nothing."""
    if getattr(found, "name", None) != name:
        return f"name is {shown(getattr(found, 'name', None))}, its folder or file says {name!r}"
    if getattr(found, "timeframe", None) not in TIMEFRAMES_MS:
        given = shown(getattr(found, "timeframe", None))
        return f"timeframe {given} is unknown; allowed: {', '.join(TIMEFRAMES_MS)}"
    bars = getattr(found, "warmup_bars", None)
    if not isinstance(bars, int) or bars < 1:
        return f"warmup_bars {shown(bars)} is not a whole number above 0"
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    return f"{', '.join(missing)} missing" if missing else ""
