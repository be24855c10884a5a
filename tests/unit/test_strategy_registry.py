"""The strategies' finder: folders walked in order, code and overrides checked, every refusal one clear line."""

from pathlib import Path

import pytest
from strategy_files import DEFAULTS, code, mine, refusal, strategy_folder

from bot.strategy import Parameter
from strategies.registry import Registry
from strategies.registry.values import allowed

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
