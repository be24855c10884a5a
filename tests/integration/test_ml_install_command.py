"""`quarterdeck ml install`: a model made elsewhere, put in place as typed."""

import json
from dataclasses import replace
from pathlib import Path

import lightgbm
import model_kit
import numpy as np
import pytest
from typed_ml import found, slip

from bot.ml import files
from bot.ml.card import Canary, Card, card_text
from bot.ml.loaded import load_model
from bot.ml.registry import feature_set

FEATURES = feature_set(["base"])


@pytest.fixture
def foreign(tmp_path: Path) -> tuple[Path, Path]:
    """Card and model of somebody who knows the base features."""
    booster = model_kit.booster(1, 12, len(FEATURES))
    rows = np.nan_to_num(model_kit.rows(3, 1, len(FEATURES)))
    scores = np.asarray(booster.predict(rows)).tolist()
    canary = tuple(Canary(tuple(row), score) for row, score in zip(rows.tolist(), scores, strict=True))
    card = _card(booster, canary)
    (tmp_path / "card.json").write_bytes(card_text(card))
    plain = " ".join(f"f{place}" for place in range(len(FEATURES)))
    (tmp_path / "model.txt").write_text(booster.model_to_string().replace(plain, " ".join(FEATURES.names)))
    return tmp_path / "card.json", tmp_path / "model.txt"


def _card(booster: lightgbm.Booster, canary: tuple[Canary, ...]) -> Card:
    plain = model_kit.card()
    return replace(
        plain,
        features=FEATURES.names,
        feature_hash=FEATURES.hash,
        canary=canary,
        importances=(),
        profile=None,
    )


def test_it_becomes_the_next_version_and_is_used_when_told(
    tmp_path: Path, foreign: tuple[Path, Path]
) -> None:
    home = tmp_path / "home"
    words = [str(path) for path in foreign]
    assert found(home, "install", *words)["in_use"] is False
    content = found(home, "install", *words, "--use")
    assert (content["model"], content["in_use"]) == ("composite/XRPUSDT/v0002", True)
    folder = home / "models" / "composite" / "XRPUSDT"
    assert files.current_version(folder) == "v0002"
    load_model(folder / "v0002")


def test_what_could_not_be_used_is_not_written(tmp_path: Path, foreign: tuple[Path, Path]) -> None:
    home, (card, model) = tmp_path / "home", foreign
    right = json.loads(card.read_text())
    for changed, line in (
        ({"feature_hash": "0" * 64}, "feature_hash is 000000000000..., these features are"),
        ({"features": ["nothing", *right["features"][1:]]}, "nothing"),
        ({"canary": [right["canary"][0] | {"score": 0.999}]}, "its trainer saw 0.999"),
        ({"kind": "onnx"}, "imputation: missing"),
        ({"strategy": "composit"}, "did you mean composite?"),
    ):
        card.write_text(json.dumps(right | changed))
        assert line in slip(home, "install", str(card), str(model))
    card.write_text(json.dumps(right))
    assert "absent.txt: is missing" in slip(home, "install", str(card), str(tmp_path / "absent.txt"))
    assert "is missing" in slip(home, "install", str(tmp_path / "absent.json"), str(model))
    for words in (("install", str(card), str(model)), ("status",), ("reset", "XRPUSDT")):
        assert "card.json: is no folder" in slip(home, *words, "--models", str(card))
    assert "cannot be read: Is a directory" in slip(home, "install", str(card), str(tmp_path))
    assert files.versions(home / "models" / "composite" / "XRPUSDT") == ()
