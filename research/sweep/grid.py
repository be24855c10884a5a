"""Which parameter sets a sweep tries: a few values for each parameter, every combination once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path

from bot.domain.errors import ConfigError
from bot.strategy import Parameter, Value
from strategies.registry import Registry
from strategies.registry import values as values_of
from strategies.registry.documents import document, shown

MOST_SETS = 10_000
MODE = "mode"
STEPS = ("from", "to", "step")
DEFAULT: Mapping[str, tuple[Value, ...]] = {
    "atr_sl_mult": (1.0, 1.5, 2.0),
    "atr_tp_mult": (2.0, 3.0, 4.0),
    "signal_threshold": (3, 4, 5),
    "adx_threshold": (0.0, 20.0, 25.0, 30.0),
    "volume_multiplier": (1.5, 2.0, 2.5),
}
"""The usual 324 sets of strategies with these parameters."""
AROUND = (0.75, 1.0, 1.25)
"""Other strategies: so much of each number's default."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter and the values it takes, in ascending order where they are numbers."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Every combination of the axes' values; set 0 has the first of each, the last axis changes fastest."""

    axes: tuple[Axis, ...]

    def __len__(self) -> int:
        """Number of sets."""
        return prod(len(axis.values) for axis in self.axes)

    @property
    def described(self) -> object:
        """The grid as a result file records it."""
        return {axis.name: list(axis.values) for axis in self.axes}

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    def sets(self) -> tuple[Mapping[str, Value], ...]:
        """All sets in their order."""
        names = [axis.name for axis in self.axes]
        return tuple(
            dict(zip(names, values, strict=True)) for values in product(*(axis.values for axis in self.axes))
        )

    def places(self, index: int) -> tuple[int, ...]:
        """Which value of each axis a set has."""
        found: list[int] = []
        for length in reversed(self.shape):
            index, place = divmod(index, length)
            found.append(place)
        return tuple(reversed(found))

    def index(self, places: Sequence[int]) -> int:
        """The set with these values."""
        found = 0
        for place, length in zip(places, self.shape, strict=True):
            found = found * length + place
        return found

    def neighbours(self, index: int) -> tuple[int, ...]:
        """Sets that differ by one step of one axis."""
        return tuple(self.index(places) for places in _beside(self.places(index), self.shape))


@dataclass(frozen=True, slots=True)
class Listed:
    """Sets that lie on no grid: candidates that somebody named, or those that a search tried."""

    rows: tuple[Mapping[str, Value], ...]
    axes: tuple[Axis, ...] = ()

    def __len__(self) -> int:
        """Number of sets."""
        return len(self.rows)

    @property
    def described(self) -> object:
        """The sets as a result file records them."""
        return [dict(row) for row in self.rows]

    def sets(self) -> tuple[Mapping[str, Value], ...]:
        """All sets in their order."""
        return self.rows

    def neighbours(self, index: int) -> tuple[int, ...]:
        """None: nothing is said of how far two sets lie apart."""
        return ()


type AnyGrid = Grid | Listed


def _beside(places: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    for axis, length in enumerate(shape):
        for place in (places[axis] - 1, places[axis] + 1):
            if 0 <= place < length:
                yield (*places[:axis], place, *places[axis + 1 :])


def default_grid(registry: Registry, strategy: str) -> Grid:
    """The usual sets of a strategy; ConfigError when it has too many parameters for a usual one."""
    parameters = [parameter for parameter in registry.parameters(strategy) if parameter.name != MODE]
    if set(DEFAULT) <= {parameter.name for parameter in parameters}:
        return Grid(tuple(Axis(name, values) for name, values in DEFAULT.items()))
    axes = tuple(Axis(parameter.name, _around(parameter)) for parameter in parameters)
    return _bounded(Grid(axes), f"{strategy}: its usual grid", "name a --grid file with fewer")


def read_grid(path: Path, registry: Registry, strategy: str) -> Grid:
    """A grid file: `name: [values]` or `name: {from, to, step}`; ConfigError says file, key and what is allowed."""
    label = path.name
    if not path.is_file():
        raise ConfigError(f"--grid {path}: there is no such file")
    found = document(path, label)
    if not found:
        raise ConfigError(f"{label}: is empty; allowed are lines of the form name: [value, value]")
    return grid_of(found, label, registry, strategy)


def grid_of(found: Mapping[str, object], label: str, registry: Registry, strategy: str) -> Grid:
    """The same for what a file would hold."""
    axes = tuple(_axis(name, values, label, registry, strategy) for name, values in found.items())
    return _bounded(Grid(axes), label, "take fewer values")


def _axis(name: str, given: object, label: str, registry: Registry, strategy: str) -> Axis:
    if name == MODE:
        raise ConfigError(f"{label}: mode is no parameter to try; allowed: the strategy's own")
    parameter = values_of.find(registry.parameters(strategy), name, label)
    listed = _stepped(f"{label}: {name}", given) if isinstance(given, dict) else given
    values = [
        values_of.checked(parameter, value, label)
        for value in (listed if isinstance(listed, list) else [listed])
    ]
    if not values:
        raise ConfigError(f"{label}: {name} has no value; allowed: [value, value]")
    twice = next((value for at, value in enumerate(values) if value in values[:at]), None)
    if twice is not None:
        raise ConfigError(f"{label}: {name} has {shown(twice)} twice; allowed: each value once")
    return Axis(name, tuple(values if isinstance(values[0], str) else sorted(values)))


def _stepped(where: str, given: Mapping[str, object]) -> list[object]:
    """`{from: 1, to: 2, step: 0.5}` as 1, 1.5, 2."""
    numbers = [given.get(key) for key in STEPS]
    if set(given) != set(STEPS) or any(
        isinstance(n, bool) or not isinstance(n, int | float) for n in numbers
    ):
        raise ConfigError(f"{where}: allowed: [value, value] or {{from: number, to: number, step: number}}")
    first, last, step = (float(str(number)) for number in numbers)
    if not (step > 0 and first <= last and (last - first) / step < MOST_SETS):
        given_words = f"{first:g} to {last:g} by {step:g}"
        raise ConfigError(f"{where}: {given_words} is not allowed; allowed: from <= to, step above 0")
    count = int((last - first) / step + 1e-9) + 1
    return [round(first + step * number, 10) for number in range(count)]


def _around(parameter: Parameter) -> tuple[Value, ...]:
    """A few values around a parameter's default."""
    default = parameter.default
    if isinstance(default, bool):
        return (False, True)
    if isinstance(default, str):
        return parameter.choices or (default,)
    low, high = parameter.low or 0.0, parameter.high if parameter.high is not None else default
    near = {min(max(default * share, low), high) for share in AROUND}
    return tuple(sorted({round(value) for value in near} if isinstance(default, int) else near))


def _bounded(grid: Grid, label: str, advice: str) -> Grid:
    if len(grid) > MOST_SETS:
        raise ConfigError(f"{label}: {len(grid):,} sets; allowed: {MOST_SETS:,}; {advice}")
    return grid
