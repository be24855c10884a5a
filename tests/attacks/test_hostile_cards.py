"""Cards by another hand: times of no calendar, numbers of no book, halves of characters, floods of words."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_kit
import pytest
from test_trials_house import PLACE, UP, house, install
from training_house import folder, service_of
from typer.testing import CliRunner
from whole_house import said

from bot.ml import files
from bot.ml.card import card_of, card_text
from bot.ml.model import ModelError
from bot.ml.writing import prune, write_version
from cli.main import app

HUGE = 10**300
LONG = "x" * 1_001
CARD = model_kit.card(version="v0001")

type Change = Callable[[dict[str, Any]], object]

HOSTILE: dict[str, tuple[Change, str]] = {
    "made in no year": (
        lambda c: c.update(created_at_ms=10**18),
        "created_at_ms: 1000000000000000000 is not allowed; milliseconds since 1970, before the year 9999",
    ),
    "made by no clock": (
        lambda c: c.update(created_at_ms=HUGE),
        "created_at_ms: 1000000000000000000000000000000000000... is not allowed; a whole number of at most 63 bits",
    ),
    "trained before time": (
        lambda c: c["trained"].update(from_ms=-(10**17)),
        "trained.from_ms: -100000000000000000 is not allowed; milliseconds since 1970",
    ),
    "validated after time": (
        lambda c: c["folds"][0]["validation"].update(to_ms=10**17),
        "folds[0].validation.to_ms: 100000000000000000 is not allowed",
    ),
    "rows of no book": (lambda c: c.update(rows=HUGE), "rows: 1000"),
    "a profile of no book": (
        lambda c: c["profile"]["scores"].update(counts=[HUGE, 1]),
        "profile.scores.counts[0]: 1000",
    ),
    "half a character": (
        lambda c: c.update(reasons=["\ud800"]),
        "reasons[0]: '\\ud800' is not allowed; whole characters",
    ),
    "half a character in a setting": (
        lambda c: c.update(parameters={"backend": "\udfff"}),
        "parameters.backend: '\\udfff' is not allowed; whole characters",
    ),
    "half a character in a name": (
        lambda c: c.update(sources={"\ud800": 600}),
        "sources: '\\ud800' is not allowed; whole characters",
    ),
    "a reason without end": (
        lambda c: c.update(reasons=[LONG]),
        "reasons[0]: 1001 characters; at most 1000 are allowed",
    ),
    "a verdict without end": (
        lambda c: c["ablation"].update(reason=LONG),
        "ablation.reason: 1001 characters; at most 1000 are allowed",
    ),
    "reasons without end": (lambda c: c.update(reasons=["a"] * 101), "reasons: 101; at most 100 are allowed"),
    "sources without end": (
        lambda c: c.update(sources={f"n{index}": 0 for index in range(100)} | {"all": 600}),
        "sources: 101; at most 100 are allowed",
    ),
    "features without end": (
        lambda c: c.update(importances=c["importances"] * 3),
        "importances: 6 for 4 features",
    ),
}


@pytest.mark.parametrize("change,told", HOSTILE.values(), ids=HOSTILE)
def test_what_nobody_could_show_or_keep_is_refused_by_name(change: Change, told: str) -> None:
    content = json.loads(card_text(CARD))
    change(content)
    with pytest.raises(ModelError) as caught:
        card_of(json.dumps(content).encode())
    assert str(caught.value).startswith(f"card.json: {told}")
    assert "\n" not in str(caught.value)


async def test_the_longest_card_is_one_message(tmp_path: Path) -> None:
    install(tmp_path, 0.3, 1, current=True)
    _rewritten(
        tmp_path,
        reasons=[f"\x1b[2J{number} *a* <b>@everyone</b>\n/approve p1 {'w ' * 400}" for number in range(100)],
        ablation={"word": "w", "reason": "r " * 500, "figures": {}},
        sources={f"s {number:02} {'n' * 900}": 6 for number in range(100)},
    )
    async with house(tmp_path, UP) as desk:
        shown = await said(desk, "/ml xrp")
    assert "… and 88 more lines in its report" in shown
    assert "\x1b" not in shown
    assert not any(line.lstrip().startswith("/approve") for line in shown.splitlines())
    assert len(shown) < 20_000


def test_a_card_writes_no_lines_of_its_own_in_a_list(tmp_path: Path) -> None:
    install(tmp_path, 0.3, 1, current=True)
    _rewritten(tmp_path, parameters={"backend": "\x1b[2J\n* composite FAKE v9999"})
    found = CliRunner().invoke(app, ["ml", "status", "--home", str(tmp_path), "--json"])
    [row] = json.loads(found.stdout)["models"]
    assert row["backend"] == "[2J * composite FAKE v9999"
    found = CliRunner().invoke(app, ["ml", "status", "--home", str(tmp_path)])
    assert found.stdout.startswith("* metronome XRPUSDT v0001 [2J * composite FAKE v9999, ")
    assert len(found.stdout.splitlines()) == 1


async def test_a_version_that_was_changed_after_it_was_proposed_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path, UP) as desk:
        version = install(tmp_path, 0.5, 1)
        await service_of(desk.house).filed(PLACE, version, "training")
        _rewritten(tmp_path, threshold=0.01)
        refused = await said(desk, "/approve p1")
        assert "v0001 is not what it was when this was proposed; train it anew" in refused
        assert files.current_version(folder(tmp_path)) is None
        _rewritten(tmp_path, threshold=0.5)
        assert "none → v0001" in await said(desk, "/approve p1", "1")
        assert files.current_version(folder(tmp_path)) == "v0001"


def test_a_number_is_given_once(tmp_path: Path) -> None:
    assert [install(tmp_path, 0.5, 1) for _ in range(2)] == ["v0001", "v0002"]
    _gone(folder(tmp_path) / "v0002")
    assert install(tmp_path, 0.5, 1) == "v0003"
    (folder(tmp_path) / ".last").write_bytes(b"\xff")
    _gone(folder(tmp_path) / "v0003")
    assert install(tmp_path, 0.5, 1) == "v0002", "where it is not known, what is there counts"
    by_hand = model_kit.card(version="mine")
    assert write_version(tmp_path / "models", by_hand, model_kit.text(), "").version == "mine"


def test_the_newest_stays_also_where_a_clock_was_put_back(tmp_path: Path) -> None:
    for made_ms in range(2, 5):
        install(tmp_path, 0.5, made_ms)
    newest = install(tmp_path, 0.5, 1)
    assert prune(tmp_path / "models", *PLACE, 3, newest) == ("v0001",)
    assert files.versions(folder(tmp_path)) == ("v0004", "v0002", "v0003")


def _rewritten(home: Path, **changes: object) -> None:
    """The card of the first version, changed by hand."""
    path = folder(home) / "v0001" / files.CARD
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


def _gone(version: Path) -> None:
    for path in version.iterdir():
        path.unlink()
    version.rmdir()
