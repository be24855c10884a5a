"""Settings and secrets from the environment and `.env` files: QUARTERDECK_LIMITS__MAX_POSITIONS=5."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from bot.config.secrets import is_secret_key, secret_names
from bot.config.tree import field_at, leaves, takes_text
from bot.config.yaml_text import YamlError, read_yaml

PREFIX = "QUARTERDECK_"
SHORTEST_SECRET = 8
ENVIRONMENT = "environment"
DOT_ENV = ".env"
# Not settings, but read elsewhere: where the home is, what the image was built from, what tests run on.
RESERVED = frozenset(
    {"QUARTERDECK_HOME", "QUARTERDECK_COMMIT", "QUARTERDECK_REAL_DATA", "QUARTERDECK_TEST_DATABASE_URL"}
)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable and where it was set."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Override:
    """A setting from a variable: its path, its value, and the variable."""

    path: tuple[str, ...]
    value: object
    variable: Variable


@dataclass(slots=True)
class Surroundings:
    """Everything found around the process, and what is wrong with it, one line each."""

    variables: dict[str, Variable] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def texts(self) -> Mapping[str, str]:
        """Values by name."""
        return {name: variable.value for name, variable in self.variables.items()}

    def hidden(self) -> tuple[str, ...]:
        """Values of all variables that are named like secrets, of other programs too."""
        named = (
            v.value for v in self.variables.values() if is_secret_key(v.name) and not v.name.endswith("_FILE")
        )
        return tuple(value for value in named if len(value) >= SHORTEST_SECRET)

    def overrides(self) -> list[Override]:
        """Settings among the variables, in the order of their names; unknown ones become problems."""
        paths = {variable_name(path): path for path in leaves()}
        found = []
        for name, variable in sorted(self.variables.items()):
            if name in paths:
                found += self._override(paths[name], variable)
            elif name.startswith(PREFIX) and name not in RESERVED:
                self.problems.append(f"{variable.source}: {name}: unknown setting{_hint(name, paths)}")
        return found

    def _override(self, path: tuple[str, ...], variable: Variable) -> list[Override]:
        declared = field_at(path)
        if declared is not None and takes_text(declared):
            return [Override(path, variable.value, variable)]
        try:
            return [Override(path, read_yaml(variable.value).value, variable)]
        except YamlError as error:
            self.problems.append(f"{variable.source}: {variable.name}: {error}")
            return []


def _hint(name: str, known: Iterable[str]) -> str:
    """The variable that was meant, compared without the prefix that all of them have."""
    bare = {other.removeprefix(PREFIX): other for other in (*known, *secret_names())}
    near = get_close_matches(name.removeprefix(PREFIX), bare, n=1, cutoff=0.7)
    return f"; did you mean {bare[near[0]]}?" if near else ""


def variable_name(path: Iterable[str]) -> str:
    """The variable that overrides a setting."""
    return PREFIX + "__".join(step.upper() for step in path)


def surroundings(environ: Mapping[str, str], folders: Iterable[Path]) -> Surroundings:
    """Variables of the process and of `.env` in the folders; the process wins, then the earlier folder."""
    found = Surroundings()
    for name, value in environ.items():
        if value.strip() or name.startswith(
            PREFIX
        ):  # compose files pass on secrets that are not set as empty
            found.variables[name] = Variable(name, value, ENVIRONMENT)
    for path in dict.fromkeys(folder.resolve() / DOT_ENV for folder in folders):
        for name, value in _dot_env(path, found.problems).items():
            found.variables.setdefault(name, Variable(name, value, DOT_ENV))
    return found


def _dot_env(path: Path, problems: list[str]) -> dict[str, str]:
    """Names and values of one `.env` file; what cannot be read becomes a problem, its text is not quoted."""
    if not path.is_file():
        return {}
    from dotenv.parser import parse_stream

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        problems.append(f"{DOT_ENV}: cannot be read as text")
        return {}
    values = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            problems.append(f"{DOT_ENV}: line {binding.original.line}: is not NAME=value")
        elif binding.key:
            values[binding.key] = binding.value or ""
    return values
