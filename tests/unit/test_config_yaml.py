"""The YAML reader: exact, strict, and not to be brought down by any text."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import load_text
from bot.config.yaml_text import YamlError, read_yaml
from bot.domain.errors import ConfigError


def value_of(text: str) -> object:
    reading = read_yaml(f"key: {text}").value
    assert isinstance(reading, dict)
    return reading["key"]


@pytest.mark.parametrize(
    "text, value",
    [
        ("0.1", Decimal("0.1")),
        ("0.10", Decimal("0.10")),
        ("-.5", Decimal("-0.5")),
        ("1e5", Decimal(100_000)),
        ("1_000.5", Decimal("1000.5")),
        ("7", 7),
        ("007", 7),
        ("-1_000", -1000),
        ("'0.1'", "0.1"),
        ("true", True),
        ("on", "on"),
        ("no", "no"),
        ("8:30", "8:30"),
        ("0x1f", "0x1f"),
        ("2026-11-01", "2026-11-01"),
        (".", "."),
        ("~", None),
        ("", None),
    ],
)
def test_words_are_read_as_people_mean_them(text: str, value: object) -> None:
    read = value_of(text)
    assert read == value
    assert type(read) is type(value)
    assert str(read) == str(value) or "e" in text


def test_not_a_number_is_read_as_such() -> None:
    assert str(value_of(".nan")) == "NaN"
    assert str(value_of("-.inf")) == "-Infinity"


def test_keys_given_twice_are_all_noted() -> None:
    reading = read_yaml("a: 1\nb: {c: 1, c: 2}\na: 3")
    assert reading.value == {"a": 3, "b": {"c": 2}}
    assert sorted(reading.problems) == [
        "line 2: c is given a second time; first in line 2",
        "line 3: a is given a second time; first in line 1",
    ]


def test_anchors_and_merges_are_allowed() -> None:
    assert read_yaml("a: &x {q: 1}\nb: {<<: *x, r: 2}").value == {"a": {"q": 1}, "b": {"q": 1, "r": 2}}


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: [1", "did not find expected"),
        ("\t- a", "line 1, column 1: found character that cannot start any token"),
        ("a: \x00", "control characters are not allowed"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("? [a]\n: b", "line 1: a key must be a word"),
        ("a: 1\n---\nb: 2", "but found another document"),
        ("[" * 400_000, "is nested too deeply"),
        ("{a: " * 100_000, "is nested too deeply"),
        ("a: &x [*x]", "is nested too deeply"),
        (BOMB, "holds more than 100,000 values"),
        ("# " + "x" * 1_000_000, "is larger than 1,000,000 characters"),
        ("a: " + "9" * 5000, "cannot be read"),
    ],
)
def test_texts_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9))
def test_decimals_survive_exactly(number: Decimal) -> None:
    read = value_of(f"{number:f}")
    assert isinstance(read, Decimal)
    assert read.as_tuple() == number.as_tuple()


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_line_by_line(text: str) -> None:
    lines = []
    try:
        load_text(text, Path("home"), {})
    except ConfigError as error:
        lines = str(error).split("\n")
    assert all(line.startswith("config.yaml: ") for line in lines)
