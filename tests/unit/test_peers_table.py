"""The comparison with peers: what scripts print, how it is put together, what the table says. Nothing is installed."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
peers = importlib.import_module("peers")
environments = importlib.import_module("peer_environments")
figures = importlib.import_module("peer_figures")
rules = importlib.import_module("peer_rules")
table = importlib.import_module("peer_table")

BARS, SETS = 35_040, 4


def line(task: str, warm: list[float], trades: list[int], net: list[float], rss: float = 100.0) -> str:
    """What a script prints, after whatever its package had to say."""
    said = {"task": task, "packages": {"numpy": "2.0"}, "first_ms": 50.0, "started_ms": 1500.0}
    figures_ = {"warm_ms": warm, "rss_mb": rss, "trades": trades, "net": net}
    return "a banner\n" + json.dumps(said | figures_) + "\n"


def made(*runs: object, places: tuple[int, ...] = (1, 3), absent: tuple[object, ...] = ()) -> object:
    """A comparison of these runs."""
    return table.Comparison(
        "TEST 15m", BARS, SETS, places, tuple(figures.joined(runs)), absent, ("a machine",)
    )


def ours() -> list[object]:
    """Our own fake figures."""
    return [
        figures.run_of("quarterdeck", line("backtest", [2.0, 4.0, 3.0], [122], [-0.25])),
        figures.run_of("quarterdeck", line("exact", [500.0], [122], [-0.25])),
        figures.run_of("quarterdeck", line("sweep", [20.0], [10, 20, 30, 40], [1.0, 2.0, 3.0, 4.0])),
    ]


def row(comparison: object, title: str, name: str) -> dict[str, str]:
    """A row by the names of its columns; of two with one name the last."""
    one = next(one for one in table.tables(comparison) if one.title.startswith(title))
    found = next(cells for cells in one.rows if cells[0].startswith(name))
    return dict(zip(one.head, found, strict=True))


@pytest.mark.parametrize(
    "printed", ["", "no figures", "{}", "[]", "null", '{"task": "backtest"}', line("x", [1], [1], [])[:-9]]
)
def test_a_script_that_prints_no_figures_is_no_answer(printed: str) -> None:
    """Never a figure out of nothing."""
    with pytest.raises(figures.NotAnswered):
        figures.run_of("peer", printed)


def test_rounds_are_joined_by_medians_and_the_first_process_counts_for_nothing_that_it_compiles() -> None:
    """Warm runs of all processes; the first run's time of the later ones; differing answers are seen."""
    texts = [line("backtest", [1.0, 9.0], [5], [0.5], 80.0), line("backtest", [3.0, 2.0], [5], [0.5], 120.0)]
    one, two = (figures.run_of("peer", text) for text in texts)
    late = figures.Run("peer", "backtest", {}, 70.0, 900.0, (4.0,), 100.0, (6,), (0.5,))
    (found,) = figures.joined([one, two, late])
    assert (found.warm_ms, found.runs, found.first_ms, found.rss_mb) == (3.0, 5, 60.0, 110.0)
    assert not found.same
    assert figures.joined([one, two])[0].same
    assert "peer (backtest) did not find the same every time" in table.notes(made(one, late))


def test_a_backtest_is_compared_with_ours() -> None:
    """Times ours, and how far its trades are from ours."""
    peer = figures.run_of("peer", line("backtest", [30.0], [117], [-0.2]))
    found = row(made(*ours(), peer), "One backtest", "peer")
    assert found["ms"] == "30.0"
    assert found["× ours"] == "10.0"
    comparison = table.agreement(
        peer.trades, peer.net, figures.figures_of(figures.joined(ours()), "quarterdeck", "backtest")
    )
    assert comparison == ("117", "-5", "-0.2000", "+0.0500")


def test_a_sweep_of_some_sets_is_estimated_says_so_and_is_compared_set_by_set() -> None:
    """Two of four sets in 100 ms are about 200 ms; ours are those of the same places."""
    peer = figures.run_of("peer", line("sweep", [100.0], [20, 41], [2.0, 4.5]))
    found = row(made(*ours(), peer), "Sweep", "peer")
    assert found["ms"] == "about 200"
    assert found["× ours"] == "10.0"
    assert found["sets run"] == "2, the rest estimated"
    assert found["sets with as many trades"] == "1 of 2"
    assert table.agreement(
        peer.trades, peer.net, figures.figures_of(figures.joined(ours()), "quarterdeck", "sweep"), (1, 3)
    ) == (
        "61",
        "+1",
        "6.5000",
        "+0.5000",
    )


def test_engines_are_compared_with_the_exact_way_also_where_they_are_faster() -> None:
    """Bars a second; a ratio below one is shown as it is."""
    quick = figures.run_of("backtesting.py", line("backtest", [100.0], [122], [-0.25]))
    arrays = figures.run_of("vectorbt, rust", line("backtest", [6.0], [117], [-0.2]))
    found = made(*ours(), quick, arrays)
    assert row(found, "Engines", "quarterdeck, exact")["bars/s"] == "70,080"
    assert row(found, "Engines", "backtesting.py")["bars/s"] == "350,400"
    assert row(found, "Engines", "backtesting.py")["ours / theirs"] == "0.20"
    with pytest.raises(StopIteration):
        row(found, "Engines", "vectorbt")


def test_a_peer_that_cannot_be_installed_is_named_and_the_others_still_come() -> None:
    """Named in every table that it belongs to, without figures."""
    absent = (
        figures.Absent("nautilus_trader", "could not be installed here"),
        figures.Absent("quarterdeck", "gave no figures", "command"),
    )
    peer = figures.run_of("vectorbt, rust", line("backtest", [6.0], [117], [-0.2]))
    text = table.markdown(made(*ours(), peer, absent=absent))
    assert text.count("| nautilus_trader: could not be installed here | - |") == 4
    assert text.count("| quarterdeck: gave no figures | - |") == 1
    assert "| vectorbt, rust | 6.00 | 2.00 |" in text


def test_an_installer_that_fails_leaves_a_peer_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--only` picks; what cannot be installed is absent."""

    def refuse(*_: str) -> None:
        raise environments.NoEnvironment

    monkeypatch.setattr(environments, "uv", refuse)
    monkeypatch.setattr(sys, "argv", ["peers.py", "--only", "vectorbt", "--cache", str(tmp_path)])
    absent: list[object] = []
    assert list(peers.peers(peers.arguments(), absent)) == []
    assert absent == [figures.Absent("vectorbt", "could not be installed here")]


def test_both_shapes_hold_the_same_cells_and_docs_has_the_place_for_them(tmp_path: Path) -> None:
    """Every row of a table is as wide as its head; the marked place is found and filled twice alike."""
    found = made(*ours())
    for one in table.tables(found):
        assert {len(cells) for cells in one.rows} == {len(one.head)}
        assert all(cell in table.text(found) for cells in one.rows for cell in cells)
    copy = tmp_path / "benchmarks.md"
    copy.write_text((ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8"), encoding="utf-8")
    peers.put(copy, table.markdown(found))
    once = copy.read_text(encoding="utf-8")
    peers.put(copy, table.markdown(found))
    assert copy.read_text(encoding="utf-8") == once
    assert once.count(table.markdown(found)) == 1


def test_the_grid_is_the_issues_and_its_parts_are_spread() -> None:
    """324 different sets; some of them have every threshold."""
    assert len(set(rules.GRID)) == 324
    assert rules.places(0) == list(range(324))
    assert len(set(rules.places(12))) == 12
    assert {one[2] for one in rules.some_sets(12)} == {3, 4, 5}
    assert rules.spans(35_040)[-1] == (32_120, 35_040)
    assert len(rules.spans(35_040)) == 18


def test_peers_are_given_our_signals() -> None:
    """The side of every bar is what our strategy decides: otherwise something else would be compared."""
    ours_ = importlib.import_module("peer_quarterdeck")
    frame = peers.GeneratedMarket(3, ["XRPUSDT"], "15m").frame("XRPUSDT", 0, 4000)
    columns = (frame.open, frame.high, frame.low, frame.close, frame.volume)
    market = rules.Market("XRPUSDT", frame.timeframe_ms, frame.open_at_ms, *columns)
    said, met = rules.votes(market), 0
    for one in (rules.ONE_SET, (1.0, 2.0, 3, 0.0, 1.5), (2.0, 3.0, 4, 20.0, 2.0)):
        strategy = ours_.Registry().build("composite", "XRPUSDT", ours_.parameters_of(one))
        entries = strategy.entries(frame, strategy.prepare_history(frame))
        expected = np.zeros(len(frame), dtype=np.int8)
        expected[entries.row] = entries.side
        expected[-1] = 0
        assert np.array_equal(rules.sides(market, said, one), expected)
        met += len(entries)
    assert met > 20


def test_net_returns_are_the_rules() -> None:
    """By hand: long 100 to 110, short 100 to 90, 0.01 % slippage and 0.04 % fee each side."""
    found = rules.returns(np.array([1.0, -1.0]), np.array([100.0, 100.0]), np.array([110.0, 90.0]))
    long = (110 * 0.9999 - 100 * 1.0001 - 0.0004 * (110 * 0.9999 + 100 * 1.0001)) / (100 * 1.0001)
    short = (100 * 0.9999 - 90 * 1.0001 - 0.0004 * (90 * 1.0001 + 100 * 0.9999)) / (100 * 0.9999)
    assert found.tolist() == pytest.approx([long, short], rel=1e-12)
