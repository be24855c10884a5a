"""YAML as people mean it: exact decimals, only true and false are switches, no key twice.

YAML 1.1 would read 0.1 as a binary float, `on` as true and 8:30 as 510; here 0.1 is Decimal("0.1") and the other two
are text. NaN and infinity are read as such, so that they can be refused by name.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads a large file ten times faster

LARGEST_TEXT = 1_000_000
MOST_VALUES = 100_000
DEEPEST = 20

_DIGITS = list("-+0123456789.")
_RESOLVERS = (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("tag:yaml.org,2002:int", r"[-+]?\d[\d_]*", _DIGITS),
    ("tag:yaml.org,2002:float", r"[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", _DIGITS),
    ("tag:yaml.org,2002:float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),
    ("tag:yaml.org,2002:merge", r"<<", ["<"]),
)


class YamlError(ValueError):
    """The text is no YAML, or not the kind that is read here; the message says where."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a YAML text says, and the keys that it says twice (the last one counts), one line each."""

    value: object
    problems: tuple[str, ...]


class _Loader(_Base):
    """A safe loader with the readings of this module."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping; keys that stand in it twice are noted."""
        seen: dict[object, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            line = key_node.start_mark.line + 1
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise YamlError(f"line {line}: a key must be a word")
            if key in seen:
                self.twice.append(f"line {line}: {key} is given a second time; first in line {seen[key]}")
            seen[key] = line
        return super().construct_mapping(node, deep=deep)


def _number(loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    text = node.value.replace("_", "")
    named = text.lower().endswith(("inf", "nan"))
    return Decimal(text.replace(".", "") if named else text)


def _whole(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(node.value.replace("_", ""))


for _tag, _pattern, _starts in _RESOLVERS:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"({_pattern})\Z"), _starts)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def read_yaml(text: str) -> Reading:
    """What a YAML text says; YamlError says in one line why it cannot be read, and in which line."""
    if len(text) > LARGEST_TEXT:
        raise YamlError(f"is larger than {LARGEST_TEXT:,} characters")
    try:
        _check_depth(text)
        loader = _Loader(text)
        value: object = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        raise YamlError(_marked(error)) from None
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(error).split())) from None
    except (RecursionError, ValueError) as error:
        raise error if isinstance(error, YamlError) else YamlError("cannot be read") from None
    _check_size(value)
    return Reading(value, tuple(loader.twice))


def _marked(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}{error.problem or error.context or 'cannot be read'}"


def _check_depth(text: str) -> None:
    """Refuse deep nesting before anything recurses: libyaml's composer would overrun its stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Base):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise YamlError("is nested too deeply")


def _check_size(value: object) -> None:
    """Refuse what anchors have blown up: too much of it, or a value inside itself."""
    level, count = [value], 0
    for _ in range(DEEPEST):
        count += len(level)
        if count > MOST_VALUES:
            raise YamlError(f"holds more than {MOST_VALUES:,} values")
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise YamlError("is nested too deeply")


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
