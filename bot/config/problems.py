"""What is wrong with a configuration: `config.yaml: limits.max_positions: -3 is not allowed; whole number from ...`."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.config.secrets import is_secret_key, looks_secret
from bot.config.settings import Settings
from bot.config.trading import Symbol, Venue
from bot.config.tree import Path, allowed, field_at, nearest, section_of, siblings
from bot.config.values import shown

_NO_PLACE = "secrets do not belong here; put it into the environment or .env"


@dataclass(frozen=True, slots=True)
class Names:
    """Names that exist on this machine; an empty set is not checked."""

    strategies: Collection[str] = ()
    symbols: Collection[str] = ()
    venues: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Origins:
    """Where values come from: the file's name, and the variables (`environment: NAME`) that lie over it."""

    file: str
    variables: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """The beginning of a line about a path: where to look for it."""
        for length in range(len(path), 0, -1):
            named = tuple(str(step) for step in path[:length])
            if named in self.variables:
                return self.variables[named]
        return f"{self.file}: {dotted(path)}" if path else self.file


def dotted(path: Path) -> str:
    """A path as people write it; entries of a list count from 1."""
    text = ""
    for step in path:
        name = f"[{step + 1}]" if isinstance(step, int) else f".{_printable(step)}"
        text += name
    return text.removeprefix(".")


def _printable(key: str) -> str:
    plain = key.isprintable() and len(key) <= 80 and not looks_secret(key)
    return key if plain else shown(key)


def validation_lines(error: ValidationError, origins: Origins) -> list[str]:
    """One line for each thing that the models refused."""
    return [_line(details, origins) for details in error.errors(include_url=False)]


def fault_of(key: str, value: object) -> str:
    """What is wrong with a value for one key, such as `limits.max_positions`; empty when nothing is.

    For changes at run time: they keep within the same ranges as the file.
    """
    *above, name = key.split(".")
    section = field_at(above)
    model = section_of(section) if section else Settings
    try:
        (model or Settings).model_validate({name: value})
    except ValidationError as error:
        faults = [e for e in error.errors(include_url=False) if e["loc"][:1] == (name,)]
        return "; ".join(_fault((*above, *fault["loc"]), fault) for fault in faults)
    return ""


def _line(details: ErrorDetails, origins: Origins) -> str:
    path = tuple(details["loc"])
    keys = details["ctx"]["keys"] if details["type"] == "refused" else ()
    return f"{origins.of((*path, *keys))}: {_fault(path, details)}"


def _fault(path: Path, details: ErrorDetails) -> str:
    match details["type"]:
        case "refused":
            return str(details["ctx"]["message"])
        case "extra_forbidden":
            return _unknown(path)
        case "missing":
            return f"is missing; {_allowed(path)}"
        case _:
            return f"{shown(details['input'])} is not allowed; {_allowed(path)}"


def _unknown(path: Path) -> str:
    key = str(path[-1])
    return _NO_PLACE if is_secret_key(key) else f"unknown key{nearest(key, siblings(path))}"


def _allowed(path: Path) -> str:
    declared = field_at(path)
    is_symbol = path[0] == "symbols" and isinstance(path[-1], int)
    if declared is None or section_of(declared) or is_symbol:
        names = siblings((*path, ""))
        more = f" and {len(names) - 6} more" if len(names) > 7 else ""
        return f"a group of these keys: {', '.join(names[:6] if more else names)}{more}"
    return allowed(declared)


def name_lines(
    tree: Mapping[str, object], names: Names, origins: Origins, seen: Collection[Path]
) -> list[str]:
    """One line for each venue, strategy or symbol that does not exist here; paths already `seen` are left out."""
    return [
        f"{origins.of(path)}: {kind} {shown(name)} is unknown{_hint(name, known)}"
        for path, kind, name, known in _named(tree, names)
        if known and isinstance(name, str) and name not in known and path not in seen
    ]


def _named(tree: Mapping[str, object], names: Names) -> Iterator[tuple[Path, str, object, Collection[str]]]:
    venue = tree.get("venue")
    name = venue.get("name", Venue().name) if isinstance(venue, Mapping) else Venue().name
    yield ("venue", "name"), "venue", name, names.venues
    for number, entry in enumerate(_entries(tree)):
        strategy = entry.get("strategy", Symbol.model_fields["strategy"].default)
        yield ("symbols", number, "symbol"), "symbol", entry.get("symbol"), names.symbols
        yield ("symbols", number, "strategy"), "strategy", strategy, names.strategies


def _entries(tree: Mapping[str, object]) -> list[Mapping[str, object]]:
    given = tree.get("symbols")
    if "symbols" not in tree:
        return [dict(symbol) for symbol in Settings().symbols]
    return [entry if isinstance(entry, Mapping) else {} for entry in given] if isinstance(given, list) else []


def _hint(name: str, known: Collection[str]) -> str:
    return nearest(name, sorted(known)) or f"; known: {', '.join(sorted(known)[:10])}"
