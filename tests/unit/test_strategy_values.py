"""Strategy parameters: declarations, values typed by a person, and nonsense of every kind."""

import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategy_files import mine, refusal

from strategies.registry import Registry, StrategyConfigError
from strategies.registry.documents import document, shown


@pytest.mark.parametrize(
    "text, problem",
    [
        (
            "length: 14",
            "length: 14 is not a declaration; allowed: default, low, high, unit, help, choices, training",
        ),
        ("length: {defualt: 14}", "length: 'defualt' is unknown; did you mean default?"),
        ("length: {low: 1, high: 2}", "length: default None is not a number, a word or true/false"),
        ("length: {default: 14}", "length: low None is not a number; numbers need low and high"),
        ("length: {default: 14, low: 1}", "length: high None is not a number; numbers need low and high"),
        (
            "length: {default: 14, low: a, high: 2}",
            "length: low 'a' is not a number; numbers need low and high",
        ),
        (
            "length: {default: 14, low: .nan, high: 2}",
            "length: low nan is not a number; numbers need low and high",
        ),
        ("length: {default: 14, low: 9, high: 2}", "length: low 9 is above high 2"),
        ("length: {default: 14, low: 1, high: 2}", "length: 14 is out of range; allowed: 1 to 2"),
        ("length: {default: 14, low: 1, high: 20, unit: 5}", "length: unit 5 is not text"),
        ("length: {default: 14, low: 1, high: 20, help: [a]}", "length: help a list is not text"),
        (
            "length: {default: 14, low: 1, high: 20, training: 30}",
            "training: length: 30 is out of range; allowed: 1 to 20",
        ),
        ("style: {default: a, choices: b}", "style: choices 'b' is not a list of words"),
        ("style: {default: a, choices: [1]}", "style: choices a list is not a list of words"),
        ("style: {default: a, choices: [b]}", "style: 'a' is not allowed; allowed: b"),
        ("mode: {default: live}", "mode: a group of keys is not allowed; allowed: live or shadow"),
        ("mode: paper", "mode: 'paper' is not allowed; allowed: live or shadow"),
    ],
)
def test_declaration_that_cannot_be_used_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    registry = mine(tmp_path, text)
    assert refusal(lambda: registry.parameters("mine")) == f"{tmp_path}/mine/default.yaml: {problem}"


def test_what_models_are_trained_with_is_declared_beside_what_is_traded(tmp_path: Path) -> None:
    registry = mine(
        tmp_path, "length: {default: 14, low: 1, high: 20, training: 9}\nother: {default: 1, low: 0, high: 2}"
    )
    assert registry.training("mine") == {"length": 9}
    assert [row.value for row in registry.effective("mine", "XUSDT")][:2] == [14, 1]


def test_composite_is_trained_on_looser_thresholds() -> None:
    wanted = {"adx_threshold": 15.0, "signal_threshold": 2, "volume_multiplier": 1.5}
    assert Registry().training("composite") == wanted


def test_a_strategy_without_parameters_has_a_mode(tmp_path: Path) -> None:
    assert [each.name for each in mine(tmp_path, "").parameters("mine")] == ["mode"]


# Values a person sets while it runs


@pytest.mark.parametrize(
    "key, text, value",
    [
        ("length", " 20 ", 20),
        ("length", "2e1", 20),
        ("factor", "1", 1.0),
        ("factor", "1.5", 1.5),
        ("filtered", "OFF", False),
        ("filtered", "yes", True),
        ("style", "bold", "bold"),
        ("mode", "shadow", "shadow"),
    ],
)
def test_typed_value_takes_the_parameters_type(tmp_path: Path, key: str, text: str, value: object) -> None:
    parsed = mine(tmp_path).parsed("mine", key, text)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize("key", ["length", "factor", "filtered", "style", "mode"])
@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "-1", "1e999", "💥", "x" * 10_000, "9" * 10_000, "a\r\nb", "None"]
)
def test_typed_nonsense_is_refused_in_one_line(tmp_path: Path, key: str, text: str) -> None:
    registry = mine(tmp_path)
    assert refusal(lambda: registry.parsed("mine", key, text)).startswith(f"mine: {key}: ")


def test_checked_value_keeps_the_rules(tmp_path: Path) -> None:
    registry = mine(tmp_path)
    assert registry.checked("mine", "length", 20.0) == 20
    assert (
        refusal(lambda: registry.checked("mine", "lenth", 5))
        == "mine: 'lenth' is unknown; did you mean length?"
    )


def outcome(act: Callable[[], Any]) -> tuple[Any, str]:
    """What came of it: a value, or the refusal."""
    try:
        return act(), ""
    except StrategyConfigError as error:
        return None, str(error)


@given(st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()), st.lists))
def test_whatever_is_given_is_taken_in_range_or_refused(value: Any) -> None:
    registry = Registry()
    for parameter in registry.parameters("composite"):
        taken, refused = outcome(partial(registry.checked, "composite", parameter.name, value))
        assert refused.isprintable()
        if refused:
            continue
        assert (type(taken), taken) == (type(parameter.default), value)
        if parameter.low is not None and parameter.high is not None:
            assert parameter.low <= taken <= parameter.high


@given(st.text(max_size=200))
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_any_text_is_a_mapping_or_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    found, refused = outcome(lambda: document(path, "any.yaml"))
    if refused:
        assert refused.startswith("any.yaml:")
        assert "\n" not in refused
    else:
        assert found == (yaml.safe_load(path.read_text(encoding="utf-8")) or {})


def test_shown_is_short_whatever_it_is() -> None:
    bomb: list[Any] = ["x"]
    for _ in range(60):
        bomb = [bomb, bomb]
    for value in (bomb, {"a": bomb}, 10**5000, "y" * 10**6, -(10**5000), {1, 2}, None, 1.5):
        assert len(shown(value)) <= 60


def test_alias_bomb_is_refused_quickly(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    registry = mine(tmp_path, BTCUSDT=textwrap.dedent("\n".join(lines)))
    assert "'a0' is unknown" in refusal(registry.check)
