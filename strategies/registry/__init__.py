"""The strategies' finder: which there are, what parameters they take, and one built for a symbol.

A parameter's value comes from default.yaml, then `<SYMBOL>.yaml`, then what was set at run time: the last one wins.
Whatever cannot be used is refused with a `StrategyConfigError`: one line with file, key, value and what is allowed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bot.strategy import Parameter, Strategy, Value
from strategies.registry import values
from strategies.registry.documents import StrategyConfigError, document, shown
from strategies.registry.folders import Home, homes, strategy_class

__all__ = ["Effective", "Registry", "StrategyConfigError"]

DEFAULT = "default"
RUN_TIME = "run time"


class Effective(NamedTuple):
    """One parameter's value for one symbol; `source` is "default", the override file's name, or "run time"."""

    parameter: Parameter
    value: Value
    source: str


class Registry:
    """Strategies of the project and of the user's folders. Files are read once, when first needed."""

    def __init__(self, strategy_paths: Sequence[Path] = ()) -> None:
        """Walk the project's folder, then each of `strategy_paths`."""
        self._homes = homes(strategy_paths)
        self._classes: dict[str, type[Strategy]] = {}
        self._parameters: dict[str, tuple[Parameter, ...]] = {}
        self._symbols: dict[str, dict[str, dict[str, Value]]] = {}

    def names(self) -> tuple[str, ...]:
        """Every strategy, in the order found."""
        return tuple(self._homes)

    def check(self) -> None:
        """Read everything there is, so that what is wrong shows at start and not on the day it is needed."""
        for name in self._homes:
            self.strategy_class(name)
            self.parameters(name)
            self.symbols(name)

    def strategy_class(self, name: str) -> type[Strategy]:
        """The class behind a name."""
        if name not in self._classes:
            self._classes[name] = strategy_class(self._home(name))
        return self._classes[name]

    def parameters(self, name: str) -> tuple[Parameter, ...]:
        """What default.yaml declares, `mode` last."""
        if name not in self._parameters:
            home = self._home(name)
            label = home.label(home.defaults)
            self._parameters[name] = values.declared(document(home.defaults, label), label)
        return self._parameters[name]

    def symbols(self, name: str) -> Mapping[str, Mapping[str, Value]]:
        """The override files' values by symbol."""
        if name not in self._symbols:
            home = self._home(name)
            files = home.symbol_files().items()
            self._symbols[name] = {symbol: self._override(home, symbol, path) for symbol, path in files}
        return self._symbols[name]

    def effective(
        self, name: str, symbol: str, overrides: Mapping[str, object] | None = None
    ) -> list[Effective]:
        """Every parameter with its value for the symbol and where the value comes from."""
        parameters = self.parameters(name)
        filed = self.symbols(name).get(symbol, {})
        given = self._checked_all(name, overrides or {}, f"{name} {symbol} ({RUN_TIME})")
        return [_effective(parameter, symbol, filed, given) for parameter in parameters]

    def build(self, name: str, symbol: str, overrides: Mapping[str, object] | None = None) -> Strategy:
        """The strategy with the symbol's effective parameters."""
        made = self.strategy_class(name)
        settings = {row.parameter.name: row.value for row in self.effective(name, symbol, overrides)}
        try:
            return made(settings)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's code may raise anything
            home = self._home(name)
            label, kind = home.label(home.code), type(error).__name__
            raise StrategyConfigError(f"{label}: cannot be built for {symbol} ({kind})") from None

    def training(self, name: str) -> dict[str, Value]:
        """What default.yaml says of training models: values for parameters that are looser then."""
        return {one.name: one.training for one in self.parameters(name) if one.training is not None}

    def mode(self, name: str, symbol: str, overrides: Mapping[str, object] | None = None) -> str:
        """`live` or `shadow`."""
        return str(self.effective(name, symbol, overrides)[-1].value)

    def checked(self, name: str, key: str, value: object) -> Value:
        """A value for one parameter in its own type, or a refusal."""
        return values.checked(values.find(self.parameters(name), key, name), value, name)

    def parsed(self, name: str, key: str, text: str) -> Value:
        """The same for what a person typed."""
        return values.parsed(values.find(self.parameters(name), key, name), text, name)

    def _home(self, name: str) -> Home:
        if name in self._homes:
            return self._homes[name]
        near = values.suggestion(name, self._homes)
        raise StrategyConfigError(f"strategy {shown(name)} is unknown{near}")

    def _override(self, home: Home, symbol: str, path: Path) -> dict[str, Value]:
        label = home.label(path)
        if symbol != symbol.upper():
            raise StrategyConfigError(f"{label}: symbols are written in capitals: {symbol.upper()}.yaml")
        return self._checked_all(home.name, document(path, label), label)

    def _checked_all(self, name: str, given: Mapping[str, object], label: str) -> dict[str, Value]:
        parameters = self.parameters(name)
        return {
            key: values.checked(values.find(parameters, key, label), value, label)
            for key, value in given.items()
        }


def _effective(
    parameter: Parameter, symbol: str, filed: Mapping[str, Value], given: Mapping[str, Value]
) -> Effective:
    """The last word on one parameter."""
    key = parameter.name
    if key in given:
        return Effective(parameter, given[key], RUN_TIME)
    if key in filed:
        return Effective(parameter, filed[key], f"{symbol}.yaml")
    return Effective(parameter, parameter.default, DEFAULT)
