"""config.yaml and docs/configuration.md are complete and say what the settings say."""

import re
from pathlib import Path

import pytest

from bot.config import Settings, load_text
from bot.config.docs import config_markdown, config_yaml, write
from bot.config.trading import Symbol
from bot.config.tree import leaves
from bot.config.values import text_of
from bot.config.yaml_text import read_yaml

CHECKOUT = Path(__file__).parents[2]


def held(tree: object, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(tree, dict) or step not in tree:
            return False
        tree = tree[step]
    return True


def test_config_yaml_is_the_defaults() -> None:
    text = (CHECKOUT / "config.yaml").read_text(encoding="utf-8")
    assert load_text(text, CHECKOUT, {}).settings == Settings()


def test_config_yaml_and_docs_are_as_generated() -> None:
    """Run `python -m bot.config.docs` after changing a setting."""
    assert (CHECKOUT / "config.yaml").read_text(encoding="utf-8") == config_yaml()
    assert (CHECKOUT / "docs" / "configuration.md").read_text(encoding="utf-8") == config_markdown()


def test_every_setting_stands_in_config_yaml_with_its_comment() -> None:
    text = config_yaml()
    tree = read_yaml(text).value
    assert [path for path in leaves() if not held(tree, path)] == []
    lines = text.splitlines()
    keys = [n for n, line in enumerate(lines) if re.match(r" *\w+:", line)]
    assert [lines[n] for n in keys if not lines[n - 1].lstrip().startswith("#")] == []
    assert max(map(len, lines)) <= 120


def test_every_setting_stands_in_the_docs_with_its_variable() -> None:
    text = config_markdown()
    for path in leaves():
        assert f"| `{path[-1]}` |" in text
        assert f"`QUARTERDECK_{'__'.join(path).upper()}`" in text
    assert all(f"| `{name}` |" in text for name in Symbol.model_fields)


def test_every_setting_has_a_meaning() -> None:
    assert " |  |  | " not in config_markdown()
    assert "# [" not in config_yaml()


def test_both_are_written_into_a_checkout(tmp_path: Path) -> None:
    write(tmp_path)
    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == config_yaml()
    assert (tmp_path / "docs" / "configuration.md").read_text(encoding="utf-8") == config_markdown()


@pytest.mark.parametrize(
    "words", ["base,structure", "a: b", "[x]", "{y}", "# z", "", "- w", "it's", "*v", "plain words"]
)
def test_words_within_maps_and_lists_are_read_back_as_they_were(words: str) -> None:
    read = read_yaml(f"map: {text_of({'key': words})}\nlist: {text_of((words, 'more'))}\n")
    assert read.value == {"map": {"key": words}, "list": [words, "more"]}
    assert not read.problems
