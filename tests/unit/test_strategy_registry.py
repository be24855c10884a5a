"""The strategies' finder: folders walked in order, parameters checked, every refusal one clear line."""

import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import ConfigError
from bot.strategy import Parameter
from strategies.registry import Registry, StrategyConfigError
from strategies.registry.documents import document, shown
from strategies.registry.values import allowed

CODE = '''
from bot.domain.signal import Hold, Signal
from bot.strategy import Strategy


class Mine(Strategy):
    """A user's strategy."""

    name = "{name}"
    timeframe = "{timeframe}"
    warmup_bars = {warmup_bars}

    def prepare(self, frame):
        return {{}}

    def decide(self, frame, columns, i):
        return Signal(frame.symbol, self.name, 0, None, 0.0, hold=Hold("never", 0.0, "<", 1.0))

    def explain(self, frame, columns, i):
        return ()


STRATEGY = Mine
'''
DEFAULTS = """
length:
  default: 14
  low: 2
  high: 200
  unit: bars
  help: How far back it looks.
factor: {default: 2.0, low: 0.5, high: 4.0, unit: x ATR, help: Distance of the stop.}
filtered: {default: true, help: Whether the filter is on.}
style: {default: calm, choices: [calm, bold], help: How it trades.}
"""


def strategy_folder(root: Path, name: str = "mine", defaults: str = DEFAULTS, **files: str) -> Path:
    """A user's strategy in a folder of its own, with override files by symbol; answers its parent folder."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "strategy.py").write_text(code(name))
    (folder / "default.yaml").write_text(defaults)
    for symbol, text in files.items():
        (folder / f"{symbol}.yaml").write_text(text)
    return root


def code(name: str = "mine", timeframe: str = "15m", warmup_bars: object = 10) -> str:
    return CODE.format(name=name, timeframe=timeframe, warmup_bars=warmup_bars)


def refusal(act: Callable[[], object]) -> str:
    """The message of the refusal, one printable line without a traceback in it."""
    with pytest.raises(StrategyConfigError) as caught:
        act()
    message = str(caught.value)
    assert isinstance(caught.value, ConfigError)
    assert message.isprintable()
    assert len(message) < 600
    assert caught.value.__cause__ is None
    return message


def mine(tmp_path: Path, defaults: str = DEFAULTS, **files: str) -> Registry:
    return Registry([strategy_folder(tmp_path, defaults=defaults, **files)])


# Finding


def test_own_strategies_come_in_name_order() -> None:
    names = Registry().names()
    assert "composite" in names
    assert list(names) == sorted(names)


def test_all_own_files_are_sound() -> None:
    Registry().check()


def test_user_folders_come_after_our_own_in_the_order_given(tmp_path: Path) -> None:
    for root, name in (("b", "zulu"), ("b", "alpha"), ("a", "mike")):
        strategy_folder(tmp_path / root, name)
    names = Registry([tmp_path / "b", tmp_path / "a"]).names()
    assert names[-3:] == ("alpha", "zulu", "mike")


def test_other_things_in_a_folder_are_left_alone(tmp_path: Path) -> None:
    strategy_folder(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "common.py").write_text("raise SystemExit")
    (tmp_path / "__pycache__").mkdir()
    assert Registry([tmp_path]).names()[-1] == "mine"


def test_single_file_beside_its_yaml_is_a_strategy(tmp_path: Path) -> None:
    (tmp_path / "solo.py").write_text(code("solo"))
    (tmp_path / "solo.yaml").write_text(DEFAULTS)
    (tmp_path / "solo.BTCUSDT.yaml").write_text("length: 20")
    registry = Registry([tmp_path])
    assert registry.names()[-1] == "solo"
    assert registry.build("solo", "BTCUSDT").parameters["length"] == 20
    assert registry.build("solo", "ETHUSDT").parameters["length"] == 14
    assert registry.symbols("solo") == {"BTCUSDT": {"length": 20}}


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(lambda: Registry([tmp_path / "nowhere"])).endswith("nowhere is not a folder")


def test_second_strategy_of_the_same_name_is_refused(tmp_path: Path) -> None:
    strategy_folder(tmp_path, "composite")
    message = refusal(lambda: Registry([tmp_path]))
    assert message.endswith(
        "composite/strategy.py: strategy composite exists already in strategies/composite/strategy.py"
    )


def test_unknown_strategy_is_answered_with_what_was_meant() -> None:
    assert refusal(lambda: Registry().parameters("compsite")) == (
        "strategy 'compsite' is unknown; did you mean composite?"
    )
    assert refusal(lambda: Registry().build("xyz", "BTCUSDT")).startswith(
        "strategy 'xyz' is unknown; allowed: "
    )


@pytest.mark.parametrize("name", ["", "x" * 10_000, "💥", "a\nb", "../composite", "'; DROP TABLE trades"])
def test_odd_names_are_refused_in_one_line(name: str) -> None:
    refusal(lambda: Registry().parameters(name))
    refusal(lambda: Registry().checked("composite", name, 1.0))


# The code


@pytest.mark.parametrize(
    "text, problem",
    [
        ("x = 1", "STRATEGY must name a subclass of bot.strategy.Strategy"),
        ("STRATEGY = 5", "STRATEGY must name a subclass of bot.strategy.Strategy"),
        ("STRATEGY = dict", "STRATEGY must name a subclass of bot.strategy.Strategy"),
        ("a = 1\nif\n", "line 2: is not Python"),
        ("raise ValueError('my password')", "cannot be loaded (ValueError)"),
        ("import no_such_module", "cannot be loaded (ModuleNotFoundError)"),
        (code("other"), "name is 'other', its folder or file says 'mine'"),
        (code(timeframe="7m"), "timeframe '7m' is unknown; allowed: 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 1d"),
        (code(warmup_bars=0), "warmup_bars 0 is not a whole number above 0"),
        (code(warmup_bars="'many'"), "warmup_bars 'many' is not a whole number above 0"),
    ],
)
def test_code_that_is_no_strategy_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    registry = mine(tmp_path)
    (tmp_path / "mine" / "strategy.py").write_text(text)
    assert refusal(registry.check) == f"{tmp_path}/mine/strategy.py: {problem}"


def test_strategy_without_its_methods_is_refused(tmp_path: Path) -> None:
    registry = mine(tmp_path)
    head = code().split("    def prepare")[0]
    (tmp_path / "mine" / "strategy.py").write_text(f"{head}\n\nSTRATEGY = Mine\n")
    assert refusal(registry.check) == f"{tmp_path}/mine/strategy.py: decide, explain, prepare missing"


def test_strategy_that_cannot_be_built_is_refused(tmp_path: Path) -> None:
    registry = mine(tmp_path)
    broken = "    def __init__(self, parameters):\n        raise OSError('secret')\n\n    def prepare"
    (tmp_path / "mine" / "strategy.py").write_text(code().replace("    def prepare", broken))
    assert refusal(lambda: registry.build("mine", "BTCUSDT")) == (
        f"{tmp_path}/mine/strategy.py: cannot be built for BTCUSDT (OSError)"
    )


# Parameters


def test_parameters_are_those_of_default_yaml_and_the_mode(tmp_path: Path) -> None:
    assert mine(tmp_path).parameters("mine") == (
        Parameter("length", 14, 2.0, 200.0, "bars", "How far back it looks."),
        Parameter("factor", 2.0, 0.5, 4.0, "x ATR", "Distance of the stop."),
        Parameter("filtered", True, None, None, "", "Whether the filter is on."),
        Parameter("style", "calm", None, None, "", "How it trades.", ("calm", "bold")),
        Registry().parameters("composite")[-1],
    )


def test_allowed_values_in_words(tmp_path: Path) -> None:
    assert [allowed(each) for each in mine(tmp_path).parameters("mine")] == [
        "2 to 200 bars",
        "0.5 to 4 x ATR",
        "true or false",
        "calm or bold",
        "live or shadow",
    ]


def test_value_comes_from_default_then_file_then_run_time(tmp_path: Path) -> None:
    registry = mine(tmp_path, BTCUSDT="length: 20\nfactor: 3\n")
    rows = registry.effective("mine", "BTCUSDT", {"factor": 1, "style": "bold"})
    assert [(row.parameter.name, row.value, row.source) for row in rows] == [
        ("length", 20, "BTCUSDT.yaml"),
        ("factor", 1.0, "run time"),
        ("filtered", True, "default"),
        ("style", "bold", "run time"),
        ("mode", "live", "default"),
    ]
    assert [row.source for row in registry.effective("mine", "ETHUSDT")] == ["default"] * 5


def test_strategy_is_built_with_its_effective_parameters(tmp_path: Path) -> None:
    strategy = mine(tmp_path, BTCUSDT="length: 20").build("mine", "BTCUSDT", {"filtered": False})
    assert strategy.parameters == {
        "length": 20,
        "factor": 2.0,
        "filtered": False,
        "style": "calm",
        "mode": "live",
    }
    assert type(strategy.parameters["factor"]) is float


def test_mode_can_be_set_at_every_level(tmp_path: Path) -> None:
    registry = mine(tmp_path, f"mode: shadow\n{DEFAULTS}", BTCUSDT="mode: live")
    assert registry.mode("mine", "ETHUSDT") == "shadow"
    assert registry.mode("mine", "BTCUSDT") == "live"
    assert registry.mode("mine", "BTCUSDT", {"mode": "shadow"}) == "shadow"
    assert Registry().mode("composite", "XRPUSDT") == "live"


@pytest.mark.parametrize("symbol", ["../mine/default", "default", "", "/etc/passwd", "*"])
def test_odd_symbols_reach_no_file(tmp_path: Path, symbol: str) -> None:
    registry = mine(tmp_path, BTCUSDT="length: 20")
    assert {row.source for row in registry.effective("mine", symbol)} == {"default"}


@pytest.mark.parametrize(
    "line, problem",
    [
        ("lenght: 20", "'lenght' is unknown; did you mean length?"),
        ("xyz: 20", "'xyz' is unknown; allowed: length, factor, filtered, style, mode"),
        ("length: 201", "length: 201 is out of range; allowed: 2 to 200 bars"),
        ("length: -1", "length: -1 is out of range; allowed: 2 to 200 bars"),
        ("length: 2.5", "length: 2.5 is not a whole number; allowed: 2 to 200 bars"),
        ("length: '20'", "length: '20' is not a whole number; allowed: 2 to 200 bars"),
        ("length: true", "length: True is not a whole number; allowed: 2 to 200 bars"),
        ("length: .nan", "length: nan is not a whole number; allowed: 2 to 200 bars"),
        ("length: .inf", "length: inf is not a whole number; allowed: 2 to 200 bars"),
        ("length:", "length: None is not a whole number; allowed: 2 to 200 bars"),
        ("length: [20]", "length: a list is not a whole number; allowed: 2 to 200 bars"),
        ("length: {a: 1}", "length: a group of keys is not a whole number; allowed: 2 to 200 bars"),
        (
            f"length: 1{'0' * 400}",
            "length: a number of more than 30 digits is out of range; allowed: 2 to 200 bars",
        ),
        ("factor: 4.01", "factor: 4.01 is out of range; allowed: 0.5 to 4 x ATR"),
        ("factor: 'wide'", "factor: 'wide' is not a number; allowed: 0.5 to 4 x ATR"),
        ("factor: yes", "factor: True is not a number; allowed: 0.5 to 4 x ATR"),
        ("factor: .nan", "factor: nan is not a finite number; allowed: 0.5 to 4 x ATR"),
        ("factor: -.inf", "factor: -inf is not a finite number; allowed: 0.5 to 4 x ATR"),
        (
            f"factor: 1{'0' * 400}",
            "factor: a number of more than 30 digits is not a finite number; allowed: 0.5 to 4 x ATR",
        ),
        ("filtered: 1", "filtered: 1 is not true or false"),
        ("filtered: 'on'", "filtered: 'on' is not true or false"),
        ("style: wild", "style: 'wild' is not allowed; allowed: calm or bold"),
        ("style: 3", "style: 3 is not allowed; allowed: calm or bold"),
        ("mode: paper", "mode: 'paper' is not allowed; allowed: live or shadow"),
        ("mode: on", "mode: True is not allowed; allowed: live or shadow"),
        ("length: 20\nfactor: 2\nlength: 30", " line 3: not valid YAML ('length' is given twice)"),
        ("length: 20\n  factor: 2", " line 2: not valid YAML (mapping values are not allowed here)"),
        ("length: [1, 2", " line 1: not valid YAML (expected ',' or ']', but got '<stream end>')"),
        ("1: 2", " line 1: not valid YAML (a key is not a name)"),
        ("[a]: 2", " line 1: not valid YAML (a key is not a name)"),
        ("- length", "holds a list, allowed are lines of the form name: value"),
        ("just words", "holds 'just words', allowed are lines of the form name: value"),
        ("length: !!python/object:os.system 1", None),
        ("length: !!timestamp x", "not valid YAML (a character or value it cannot hold)"),
        ("length: 2024-99-99", "not valid YAML (a character or value it cannot hold)"),
        ("length: \x07", "not valid YAML (a character or value it cannot hold)"),
        ("a: &a [*a]", "'a' is unknown; allowed: length, factor, filtered, style, mode"),
        ("[" * 5000, "not valid YAML (a character or value it cannot hold)"),
    ],
)
def test_override_that_cannot_be_used_is_refused(tmp_path: Path, line: str, problem: str | None) -> None:
    registry = mine(tmp_path, BTCUSDT=line)
    message = refusal(registry.check)
    label = f"{tmp_path}/mine/BTCUSDT.yaml:"
    assert message.startswith(label)
    if problem is not None:
        assert message.removeprefix(label).strip() == problem.strip()
    assert refusal(lambda: registry.build("mine", "BTCUSDT")) == message


def test_our_own_files_are_named_from_the_root_of_the_project() -> None:
    message = refusal(lambda: Registry().build("composite", "BTCUSDT", {"atr_sl_mult": 99}))
    assert (
        message == "composite BTCUSDT (run time): atr_sl_mult: 99.0 is out of range; allowed: 0.1 to 20 x ATR"
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}"])
def test_empty_override_changes_nothing(tmp_path: Path, text: str) -> None:
    assert mine(tmp_path, BTCUSDT=text).symbols("mine") == {"BTCUSDT": {}}


def test_symbol_in_small_letters_is_refused(tmp_path: Path) -> None:
    message = refusal(mine(tmp_path, btcusdt="length: 20").check)
    assert message.endswith("btcusdt.yaml: symbols are written in capitals: BTCUSDT.yaml")


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    registry = mine(tmp_path)
    (tmp_path / "mine" / "BTCUSDT.yaml").write_bytes(b"length: \xff\xfe")
    assert refusal(registry.check).endswith("BTCUSDT.yaml: is not UTF-8 text")


def test_missing_default_yaml_is_refused(tmp_path: Path) -> None:
    registry = mine(tmp_path)
    (tmp_path / "mine" / "default.yaml").unlink()
    assert refusal(registry.check).endswith("default.yaml: cannot be read (No such file or directory)")


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    registry = mine(tmp_path)
    (tmp_path / "mine" / "BTCUSDT.yaml").mkdir()
    assert refusal(registry.check).endswith("BTCUSDT.yaml: cannot be read (Is a directory)")


@pytest.mark.parametrize(
    "text, problem",
    [
        ("length: 14", "length: 14 is not a declaration; allowed: default, low, high, unit, help, choices"),
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
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
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
