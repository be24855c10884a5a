"""YAML files as mappings of names to values, and the one error that says what is wrong with them in one line."""

from pathlib import Path

import yaml

from bot.domain.errors import ConfigError

# What PyYAML lets through when a value's tag does not fit its text (`!!bool maybe`, 2024-99-99, a million
# brackets).
MALFORMED = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)


class StrategyConfigError(ConfigError):
    """A strategy or its parameters cannot be used; the message is one line: file, key, value, what is allowed."""


class _UniqueKeys(yaml.SafeLoader):
    """The safe loader, refusing keys given twice (YAML keeps the last, silently) and keys that are no names."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Check the keys, then build the mapping."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key is not a name", key_node.start_mark
                )
            if key in seen:
                problem = f"{shown(key)} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def document(path: Path, label: str) -> dict[str, object]:
    """The mapping a YAML file holds; an empty file is an empty mapping. `label` names the file in messages."""
    found = _parsed(_text(path, label), label)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise StrategyConfigError(f"{label}: holds {shown(found)}, allowed are lines of the form name: value")
    return found


def shown(value: object) -> str:
    """A value as a message shows it: one short line, whatever it is."""
    if isinstance(value, dict | list | tuple | set):
        return "a list" if isinstance(value, list | tuple) else "a group of keys"
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _text(path: Path, label: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise StrategyConfigError(f"{label}: is not UTF-8 text") from None
    except OSError as error:
        raise StrategyConfigError(f"{label}: cannot be read ({error.strerror})") from None


def _parsed(text: str, label: str) -> object:
    try:
        loader = _UniqueKeys(text)
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        where = f" line {error.problem_mark.line + 1}:" if error.problem_mark else ""
        raise StrategyConfigError(f"{label}:{where} not valid YAML ({error.problem})") from None
    except (yaml.YAMLError, *MALFORMED):
        raise StrategyConfigError(f"{label}: not valid YAML (a character or value it cannot hold)") from None
