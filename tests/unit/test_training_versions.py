"""Versions as a desk looks at them: what is new, what is tried, side by side; broken folders stop nothing."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import model_kit
import pytest

from bot.domain.command import UseModel
from bot.ml.card import Verdict
from bot.ml.challenger import make_challenger
from bot.ml.model import ModelError
from bot.ml.writing import write_version
from bot.runtime.codec import decode
from cli.training.versions import NAMES, Standing, Versions
from handlers.model_versions import Offered

PLACE = ("composite", "XRPUSDT")
TRADED = {"profit_factor_on": 1.4, "profit_factor_off": 1.1}


def write(root: Path, at_ms: int, *, current: bool = False, rows: int = 600) -> str:
    card = replace(
        model_kit.card(),
        created_at_ms=at_ms,
        rows=rows,
        sources={"signal": 150, "hold": rows - 150},
        comparison=Verdict("better", "", dict(TRADED)),
    )
    return write_version(root, card, model_kit.text(), "<p></p>", current=current).version


def test_the_newest_is_read_anew_only_when_the_folder_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = Versions(tmp_path)
    assert versions.newest_ms(PLACE) == 0
    write(tmp_path, 7)
    write(tmp_path, 5)
    assert versions.newest_ms(PLACE) == 7, "by its card, not by its name"
    monkeypatch.setattr("bot.ml.files.versions", lambda folder: pytest.fail("nothing has changed"))
    assert versions.newest_ms(PLACE) == 7
    monkeypatch.undo()
    write(tmp_path, 9)
    assert versions.newest_ms(PLACE) == 9
    shutil.rmtree(tmp_path / "composite")
    assert versions.newest_ms(PLACE) == 0


def test_who_stands_where(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    assert versions.standing(PLACE) == Standing()
    write(tmp_path, 1, current=True)
    write(tmp_path, 2)
    assert versions.standing(PLACE) == Standing("v0001")
    make_challenger(tmp_path, *PLACE, "v0002")
    assert versions.standing(PLACE) == Standing("v0001", "v0002", 2)
    assert versions.tried() == {PLACE}
    (tmp_path / "composite/XRPUSDT/v0002/card.json").write_text("{}")
    assert versions.standing(PLACE) == Standing("v0001"), "one whose card is broken is none"
    make_challenger(tmp_path, *PLACE, "v0001")
    assert versions.standing(PLACE) == Standing("v0001"), "it is in use already"
    (tmp_path / "composite/XRPUSDT/current").write_text("../v1")
    with pytest.raises(ModelError, match="does not name a version"):
        versions.standing(PLACE)
    assert versions.has_model(PLACE)


def test_two_cards_side_by_side(tmp_path: Path) -> None:
    versions = Versions(tmp_path)
    write(tmp_path, 1)
    alone = versions.draft(PLACE, "v0001", "training")
    assert decode(alone.body, Offered).command == UseModel(*PLACE, "v0001", "")
    assert alone.changes == (("model of composite/XRPUSDT", "none", "v0001"),)
    assert {before for _, before, _ in alone.figures} == {"–"}
    after = {name: after for name, _, after in alone.figures}
    assert tuple(after) == NAMES
    assert after["AUC"] == "0.610"
    assert after["Precision at its threshold"] == "58.0%"
    assert after["Recall at its threshold"] == "40.0%"
    assert after["Brier score"] == "0.2400"
    assert (after["Profit factor with the filter"], after["Profit factor without it"]) == ("1.40", "1.10")
    assert (after["Rows"], after["Threshold"], after["Advice"]) == ("600", "0.550", "shadow")
    write(tmp_path, 2, current=True, rows=700)
    both = versions.draft(PLACE, "v0001", "trial", (("Trial: signals", "50", "50"),))
    assert both.changes == (("model of composite/XRPUSDT", "v0002", "v0001"),)
    assert both.figures[0] == ("Trial: signals", "50", "50")
    assert ("Rows", "700", "600") in both.figures
    with pytest.raises(ModelError, match=r"v0009/card\.json: is missing"):
        versions.draft(PLACE, "v0009", "training")


def test_folders_that_are_none_stop_nothing(tmp_path: Path) -> None:
    loop, file, gone = tmp_path / "loop", tmp_path / "file", tmp_path / "gone"
    loop.symlink_to(loop)
    file.write_text("x")
    for root in (loop, file, gone):
        versions = Versions(root)
        assert versions.tried() == frozenset()
        assert versions.newest_ms(PLACE) == 0
        assert not versions.has_model(PLACE)
    assert os.path.lexists(loop)
