"""Tuning: seeded, resumed to the same trials, judged on a fold that no trial saw; a proposal and nothing else."""

from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import optuna
import orjson
import pytest
from learning_kit import informed

from bot.domain.errors import ConfigError, QuarterdeckError, StorageError
from research.learning import tuning
from research.learning.boosting import Boosting, BoostSettings
from research.learning.dataset import Recipe
from research.learning.folds import walk_forward
from research.learning.tuned import read_settings
from research.learning.tuning import Search, suggested, tune


def search(folder: Path, seed: int = 1, name: str = "trials") -> Search:
    material = SimpleNamespace(
        dataset=informed(500, 4), recipe=Recipe(), strategy="composite", symbol="XRPUSDT"
    )
    return Search(material, BoostSettings(), seed, f"sqlite:///{folder}/{name}.db")  # type: ignore[arg-type]


def tried(asked: Search) -> list[tuple[dict[str, object], float]]:
    study = optuna.load_study(study_name=asked.name, storage=asked.url)
    return [(one.params, one.value or 0.0) for one in study.get_trials() if one.state in tuning.DONE]


def test_a_resumed_search_is_as_one_that_never_stopped(tmp_path: Path) -> None:
    whole, parts = search(tmp_path, name="whole"), search(tmp_path, name="parts")
    found = tune(whole, 9, resume=False)
    tune(parts, 4, resume=False)
    again = tune(parts, 9, resume=True)
    assert tried(whole) == tried(parts)
    assert (again.resumed, again.trials, again.settings, again.value) == (4, 9, found.settings, found.value)
    assert tune(search(tmp_path, seed=2), 3, resume=False).settings != found.settings


def test_no_trial_sees_the_last_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = search(tmp_path)
    seen: set[int] = set()
    whole = tuning.value_of

    def watched(trial: optuna.Trial, data: object, splits: tuple[object, ...], seed: int) -> float:
        seen.update(place for split in splits for place in (*split.train, *split.validate))  # type: ignore[attr-defined]
        return whole(trial, data, splits, seed)  # type: ignore[arg-type]

    monkeypatch.setattr(tuning, "value_of", watched)
    tune(asked, 2, resume=False)
    last = walk_forward(asked.material.dataset)[-1]
    assert seen
    assert not seen & set(last.validate.tolist())


def test_settings_stay_within_the_ranges(tmp_path: Path) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(300):
        found = suggested(study.ask())
        assert 2 <= found.max_depth <= 7
        top = min(31, 2**found.max_depth - 1)
        assert min(7, top) <= found.num_leaves <= top
        assert 100 <= found.n_estimators <= 600
        assert 0.01 <= found.learning_rate <= 0.2
        assert 10 <= found.min_child_samples <= 50
        assert 0.5 <= found.subsample <= 1.0
        assert 0.5 <= found.colsample_bytree <= 1.0
        assert 1e-4 <= found.reg_alpha <= 1.0
        assert 1e-4 <= found.reg_lambda <= 1.0


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--trials 0 is not allowed"):
        tune(search(tmp_path), 0, resume=False)
    (tmp_path / "broken.db").write_bytes(b"no database at all, for longer than a header")
    with pytest.raises(StorageError, match="the trials' database cannot be used"):
        tune(search(tmp_path, name="broken"), 1, resume=False)


class TestProposalsReadBack:
    def written(self, folder: Path, proposal: object) -> Path:
        path = folder / "proposal.json"
        path.write_bytes(orjson.dumps({"proposal": proposal}))
        return path

    def test_settings_come_back(self, tmp_path: Path) -> None:
        settings = BoostSettings(n_estimators=321, learning_rate=0.07)
        path = self.written(
            tmp_path, {"strategy": "composite", "symbol": "XRPUSDT", "settings": asdict(settings)}
        )
        assert Boosting(read_settings(path, "composite", "XRPUSDT")).set_to == settings
        with pytest.raises(ConfigError, match="was tuned for composite XRPUSDT"):
            read_settings(path, "composite", "BTCUSDT")

    @pytest.mark.parametrize(
        "settings, problem",
        [
            ({"n_estimator": 5}, "'n_estimator' is unknown"),
            ({"n_estimators": 5.5}, "n_estimators is not a whole number"),
            ({"n_estimators": True}, "n_estimators is not a whole number"),
            ({"learning_rate": "fast"}, "learning_rate is not a number"),
            ({"reg_alpha": -1.0}, "reg_alpha is not a number from 0"),
        ],
    )
    def test_strange_settings_are_refused(self, tmp_path: Path, settings: object, problem: str) -> None:
        path = self.written(tmp_path, {"strategy": "a", "symbol": "B", "settings": settings})
        with pytest.raises(ConfigError, match=problem):
            read_settings(path, "a", "B")

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other.json"
        for content in (b"", b"[]", b'{"proposal": 5}', b"\xff"):
            path.write_bytes(content)
            with pytest.raises(QuarterdeckError):
                read_settings(path, "a", "B")
        with pytest.raises(QuarterdeckError, match="cannot be read"):
            read_settings(tmp_path / "nothing.json", "a", "B")
