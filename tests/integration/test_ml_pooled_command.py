"""`quarterdeck ml` for several symbols together, and with signals that were followed: as typed."""

import json
from pathlib import Path

import pytest
from typed_backtest import write
from typed_ml import found, slip, typed, walk
from typer.testing import CliRunner

from bot.ml import files
from bot.ml.grouping import Cluster, Grouping, Measures, Member, keep_grouping
from bot.ml.loaded import load_model
from bot.ml.registry import feature_set
from cli.main import app
from research.learning.lived import ALL

BARS = 7_000


XRP = walk(1, "XRPUSDT", BARS)


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("candles")
    others = (walk(2, "BTCUSDT", BARS), walk(3, "SOLUSDT", 5_000), walk(4, "NEWUSDT", 400))
    return [write(folder, frame) for frame in (XRP, *others)]


class TestPooled:
    def test_a_general_model_names_its_members_and_can_be_used(
        self, tmp_path: Path, candles: list[str]
    ) -> None:
        words = ("_GENERAL", "--symbols", "xrpusdt, SOLUSDT,NEWUSDT", "--candles", *candles)
        content = found(tmp_path, "train", *words, "--use")
        card = content["card"]
        assert isinstance(card, dict)
        assert (card["symbol"], card["parameters"]["members"]) == ("_general", "SOLUSDT, XRPUSDT")
        assert content["bars"] == 12_000
        notes = content["notes"]
        assert isinstance(notes, list)
        assert "left out: NEWUSDT: composite has no signal in 400 bars" in notes
        folder = tmp_path / "models" / "composite" / "_general"
        assert files.current_version(folder) == "v0001"
        load_model(folder / "v0001", lambda names: feature_set(names).hash)
        listed = found(tmp_path, "status")["models"]
        assert isinstance(listed, list)
        assert [(one["symbol"], one["in_use"]) for one in listed] == [("_general", True)]

    def test_ablation_and_comparison_are_those_of_all(self, tmp_path: Path, candles: list[str]) -> None:
        both = ("_general", "--symbols", "XRPUSDT,SOLUSDT", "--candles", *candles)
        together = found(tmp_path, "compare", *both)["comparison"]
        alone = found(tmp_path, "compare", "SOLUSDT", "--candles", *candles)["comparison"]
        assert isinstance(together, dict)
        assert isinstance(alone, dict)
        assert together["off"]["trades"] > alone["off"]["trades"] > 0
        ablation = found(tmp_path, "ablation", *both)["ablation"]
        assert isinstance(ablation, dict)
        assert ablation["verdict"] in {"useful", "conditional", "re-design"}

    def test_a_cluster_s_symbols_are_those_of_the_newest_grouping(
        self, tmp_path: Path, candles: list[str]
    ) -> None:
        measures = Measures(0.01, 1e6, 0.5, 1.0, 0.3, 0.001, 1.0)
        words = ("_cluster-1", "--candles", *candles)
        assert "_cluster-1: which symbols? Name them: --symbols" in slip(tmp_path, "train", *words)
        for at_ms, number in ((XRP.open_at_ms[3_000], 0), (XRP.open_at_ms[5_000], 1)):
            groups = (("ADAUSDT", 1 - number), ("SOLUSDT", number), ("XRPUSDT", number))
            clusters = tuple(
                Cluster(one, tuple(name for name, group in groups if group == one), measures, "calm")
                for one in (0, 1)
            )
            members = tuple(Member(name, group, measures) for name, group in groups)
            grouping = Grouping(int(at_ms), 30, XRP.timeframe_ms, 2, 0.4, clusters, members)
            keep_grouping(tmp_path / "models", grouping)
        card = found(tmp_path, "train", *words, "--features", "base,cluster")["card"]
        assert isinstance(card, dict)
        assert (card["symbol"], card["parameters"]["members"]) == ("_cluster-1", "SOLUSDT, XRPUSDT")

    def test_settings_are_searched_for_all_together(self, tmp_path: Path, candles: list[str]) -> None:
        both = ("_general", "--symbols", "XRPUSDT,SOLUSDT", "--candles", *candles)
        content = found(tmp_path, "tune", *both, "--trials", "1")
        card = found(tmp_path, "train", *both, "--tuned", str(content["file"]))["card"]
        assert isinstance(card, dict)
        assert content["proposal"]["settings"].items() <= card["parameters"].items()  # type: ignore[index]

    @pytest.mark.parametrize(
        "words, line",
        [
            (("_general",), "_general: which symbols? Name them: --symbols XRPUSDT,SOLUSDT"),
            (("_general", "--symbols", "XRPUSDT"), "_general: of its symbols only XRPUSDT has something"),
            (("_general", "--symbols", "XRPUSDT,ADAUSDT"), "no candles of ADAUSDT in the files; there are"),
            (("_general", "--symbols", "XRPUSDT,../A"), "is not allowed"),
            (
                ("XRPUSDT", "--symbols", "SOLUSDT"),
                "--symbols goes with _general and _cluster-NUMBER, not with",
            ),
            (("_all", "--symbols", "XRPUSDT,SOLUSDT"), "symbol '_all' is not allowed"),
        ],
    )
    def test_slips_are_one_line(
        self, tmp_path: Path, candles: list[str], words: tuple[str, ...], line: str
    ) -> None:
        assert line in slip(tmp_path, "train", *words, "--candles", *candles)
        assert not (tmp_path / "models").exists()


def phantoms(folder: Path, content: object) -> str:
    path = folder / "phantoms.json"
    path.write_text(json.dumps(content))
    return str(path)


def row(bar: int, **changes: object) -> dict[str, object]:
    figures = [None if place % 5 == 0 else place / 10 for place in range(len(ALL))]
    return {
        "strategy": "composite", "symbol": "XRPUSDT", "side": "LONG", "outcome": "TARGET", "net_return": 0.01,
        "bar_at_ms": int(XRP.open_at_ms[bar]) + XRP.timeframe_ms, "features": figures, "feature_hash": ALL.hash,
        **changes,
    }  # fmt: skip


class TestPhantoms:
    def test_a_file_s_signals_stand_instead_of_the_history_s(
        self, tmp_path: Path, candles: list[str]
    ) -> None:
        rows = [row(bar) for bar in range(2_000, 4_000, 50)]
        rows += [row(2_001, symbol="SOLUSDT"), row(2_002, strategy="other"), row(2_003, outcome=None)]
        words = ("XRPUSDT", "--candles", *candles, "--phantoms", phantoms(tmp_path, rows))
        content = found(tmp_path, "train", *words)
        card = content["card"]
        assert isinstance(card, dict)
        assert card["sources"]["phantom"] == 40
        assert content["balance"]["lived"] == 40  # type: ignore[index]
        assert "40 of them followed live" in typed(tmp_path, "train", *words).stdout

    def test_what_a_backtest_followed_teaches_the_same(self, tmp_path: Path, candles: list[str]) -> None:
        """Phantoms of the exact backtest have no features: those of the history stand, and it says the same of them."""
        path = tmp_path / "followed.json"
        words = ["backtest", "--strategy", "composite", "--candles", candles[0]]
        done = CliRunner().invoke(app, [*words, "--exact", "--phantoms", str(path), "--home", str(tmp_path)])
        assert done.exit_code == 0, (done.output, done.exception)
        ended = [one for one in json.loads(path.read_text()) if one["outcome"] in {"TARGET", "STOP"}]
        typed_words = ("train", "XRPUSDT", "--candles", *candles)
        plain = found(tmp_path, *typed_words)["balance"]
        lived = found(tmp_path, *typed_words, "--phantoms", str(path))["balance"]
        assert isinstance(plain, dict)
        assert isinstance(lived, dict)
        assert 0 < lived["lived"] <= len(ended)
        assert {**lived, "lived": 0} == plain

    @pytest.mark.parametrize(
        "content, line",
        [
            ([], "phantoms.json: none of its 0 rows is a signal of composite for XRPUSDT that has ended"),
            ([row(2_000, symbol="SOLUSDT")], "none of its 1 rows is a signal of composite for XRPUSDT"),
            ({"rows": []}, "phantoms.json: is no list of signals"),
            ([1], "phantoms.json: is no list of signals"),
            (
                [row(2_000, outcome="WON")],
                "row 1: outcome 'WON' is not allowed; allowed: STOP, TARGET, TIMEOUT",
            ),
            ([row(2_000, side="UP")], "row 1: side 'UP' is not allowed; allowed: LONG, SHORT"),
            ([row(2_000), row(1, bar_at_ms="soon")], "row 2: bar_at_ms 'soon' is not allowed"),
            ([row(2_000, net_return=None)], "row 1: net_return 'None' is no number"),
            ([row(2_000, features=["x"])], "row 1: feature 'x' is no number"),
        ],
    )
    def test_slips_are_one_line(self, tmp_path: Path, candles: list[str], content: object, line: str) -> None:
        words = ("train", "XRPUSDT", "--candles", *candles, "--phantoms", phantoms(tmp_path, content))
        assert line in slip(tmp_path, *words)
        assert not (tmp_path / "models").exists()

    def test_a_file_that_is_none(self, tmp_path: Path, candles: list[str]) -> None:
        words = ("train", "XRPUSDT", "--candles", *candles, "--phantoms")
        assert "gone.json: cannot be read: No such file" in slip(
            tmp_path, *words, str(tmp_path / "gone.json")
        )
        (tmp_path / "bad.json").write_text("[{")
        assert "bad.json: is no JSON" in slip(tmp_path, *words, str(tmp_path / "bad.json"))
