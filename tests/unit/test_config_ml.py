"""Section ml of the configuration: defaults, words that YAML might take for something else, refusals."""

from decimal import Decimal
from pathlib import Path

import pytest

from bot.config import Names, Settings, load_text
from bot.config.ml import OnError
from bot.domain.errors import ConfigError
from bot.domain.model import ModelMode

BASES = ("BTC", "ETH", "XRP", "SOL", "BNB", "DOGE", "ADA", "TRX")
NAMES = Names(strategies=("composite",), symbols=tuple(f"{base}USDT" for base in BASES), venues=("paper",))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str, **environ: str) -> Settings:
    return load_text(text, Path("home"), environ, NAMES).settings


def test_models_are_off_and_errors_block_unless_somebody_says_otherwise() -> None:
    ml = Settings().ml
    assert (ml.mode, ml.on_error, ml.folder) == (ModelMode.OFF, OnError.BLOCK, "models")
    assert (ml.retrain_every, ml.trial_signals, ml.evolution_outcomes) == (100, 50, 150)
    assert ml.psi_warning == Decimal("0.25")
    assert ml.threshold_of("composite") == Decimal("0.55")
    assert ml.threshold_of("pullback") == Decimal("0.70")
    assert ml.threshold_of("another") == Decimal("0.55")


def test_a_desk_without_evolution_and_without_a_look_at_drift() -> None:
    ml = read("ml: {evolution_outcomes: 0, drift: ''}").ml
    assert (ml.evolution_outcomes, ml.drift) == (0, "")


def test_features_of_one_strategy_leave_the_others() -> None:
    ml = read("ml: {features: {composite: 'base, context,adx', mine: structure}}").ml
    assert ml.features_of("composite") == ("base", "context", "adx")
    assert ml.features_of("mine") == ("structure",)
    assert ml.features_of("pullback") == ("base", "structure")
    assert ml.features_of("another") == ("base",)


@pytest.mark.parametrize("word", ["off", "on", "shadow"])
def test_on_and_off_are_words_here(word: str) -> None:
    assert read(f"ml: {{mode: {word}, on_error: pass}}").ml.mode == ModelMode(word)


def test_a_threshold_of_one_strategy_leaves_the_others() -> None:
    ml = read("ml: {thresholds: {composite: 0.6}}").ml
    assert (ml.threshold_of("composite"), ml.threshold_of("pullback")) == (Decimal("0.6"), Decimal("0.70"))


def test_thresholds_from_the_environment() -> None:
    ml = read("name: main", QUARTERDECK_ML__THRESHOLDS="{composite: 0.61}").ml
    assert ml.threshold_of("composite") == Decimal("0.61")


@pytest.mark.parametrize(
    "text, line",
    [
        ("ml: {on_error: maybe}", "config.yaml: ml.on_error: 'maybe' is not allowed; one of pass, block"),
        (
            "ml: {thresholds: {composite: 1.2}}",
            "ml.thresholds.composite: 1.2 is not allowed; number from 0 to 1",
        ),
        ("ml: {thresholds: {../x: 0.5}}", "ml.thresholds: '../x' is no strategy's name"),
        ("ml: {thresholds: {composite: high}}", "ml.thresholds.composite: 'high' is not allowed"),
        (
            "ml: {features: {composite: bas}}",
            "ml.features.composite: no feature or group 'bas'; do you mean base?",
        ),
        (
            "ml: {features: {composite: ','}}",
            "ml.features.composite: names nothing; groups or features by commas",
        ),
        ("ml: {features: {../x: base}}", "ml.features: '../x' is no strategy's name"),
        ("ml: {weekly: '0 4 * *'}", "ml.weekly: '0 4 * *' is not allowed; five fields are wanted"),
        ("ml: {retrain_every: 0}", "ml.retrain_every: 0 is not allowed; whole number from 10 to 100_000"),
        ("ml: {psi_warning: 0}", "ml.psi_warning: 0 is not allowed; number from 0.01 to 10"),
        ("ml: {folder: ''}", "ml.folder: '' is not allowed; a folder"),
        ("ml: {mode: live}", "ml.mode: 'live' is not allowed; one of off, shadow, on"),
        ("ml: {retrain_evry: 5}", "ml.retrain_evry: unknown key; did you mean retrain_every?"),
    ],
)
def test_each_mistake_is_one_clear_line(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    (said,) = str(caught.value).splitlines()
    assert line in said
