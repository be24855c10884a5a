"""`quarterdeck ml status`: what can be used, and what is named as in use and cannot be."""

import json
from pathlib import Path

import model_kit
import pytest
from typer.testing import CliRunner

from bot.ml.writing import write_version
from cli.main import app

PLACE = Path("models", "composite", "XRPUSDT")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for seed in (1, 2):
        write_version(tmp_path / "models", model_kit.card(seed=seed), model_kit.text(seed), "", current=True)
    return tmp_path


def status(home: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["ml", "status", *words, "--home", str(home)])
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(home: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(status(home, "--json"))["models"]
    return found


@pytest.mark.parametrize(
    "text, said",
    [
        ("{}", "composite/XRPUSDT/v0002/card.json: strategy is missing; text"),
        (None, "composite/XRPUSDT/v0002/card.json: is missing"),
    ],
)
def test_a_card_in_use_that_cannot_be_read_is_told(home: Path, text: str | None, said: str) -> None:
    card = home / PLACE / "v0002" / "card.json"
    card.unlink()
    if text is not None:
        card.write_text(text)
    broken, first = rows(home)
    assert broken == {"strategy": "composite", "symbol": "XRPUSDT", "fault": said}
    assert (first["version"], first["in_use"]) == ("v0001", False)
    assert f"composite XRPUSDT: CANNOT BE USED: {said}" in status(home)


def test_a_version_in_use_that_is_gone_is_told(home: Path) -> None:
    (home / PLACE / "current").write_text("v0009\n")
    broken, *others = rows(home)
    assert broken["fault"] == "composite/XRPUSDT/v0009/card.json: is missing"
    assert [one["version"] for one in others] == ["v0001", "v0002"]
    (home / PLACE / "current").write_text("../v0001")
    assert rows(home)[0]["fault"] == "composite/XRPUSDT/current: does not name a version"
