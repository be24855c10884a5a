"""Symbols that move alike: grouped by an event, kept over restarts, limited in number and in size."""

import pytest
from desk_story import LONG, SHORT, D, Desk
from recovered import Memory

from bot.domain.action import RecordSetting
from bot.domain.command import Change, Done, SetLimit, UndoSetting
from bot.domain.command import SettingChange as Was
from bot.domain.event import ClustersChanged
from bot.domain.guard import Limits
from bot.domain.refusal import Refused
from bot.engine import reading, tuning

ABCD = ("AAA", "BBB", "CCC", "DDD")
GROUPS = (("AAA", 1), ("BBB", 1), ("CCC", 2), ("NOTOURS", 1))
FREE = Limits(max_positions=9, max_same_direction=9)
ONE = Limits(max_positions=9, max_same_direction=9, max_same_cluster=1)


def grouped(limits: Limits, *groups: tuple[str, int]) -> Desk:
    desk = Desk(*ABCD, limits=limits)
    desk.feed(ClustersChanged(desk.venue.now_ms, groups or GROUPS))
    return desk


def kept(desk: Desk) -> list[str]:
    return [a.value for a in desk.actions if isinstance(a, RecordSetting) and a.key == "clusters"]


def figures(desk: Desk) -> str:
    return next(check.figures for check in desk.decisions[-1].gates if check.gate == "same cluster")


def uses(desk: Desk) -> dict[str, tuple[str, str]]:
    return {one.name: (one.limit, one.use) for one in reading.risk_report(desk.state).uses}


def test_without_limits_clusters_refuse_nothing() -> None:
    desk = grouped(FREE)
    for name in ABCD:
        desk.enter(name, LONG, stop=95)
    assert desk.refusals() == ["", "", "", ""]
    assert figures(desk) == "off"


def test_a_second_of_a_cluster_waits_whatever_its_side_and_those_in_none_go() -> None:
    desk = grouped(ONE)
    desk.enter("AAA", LONG, stop=95)
    desk.enter("BBB", SHORT, stop=105)
    assert (desk.refusals()[-1], figures(desk)) == ("same cluster", "cluster 1: 1 of 1 open")
    desk.enter("CCC", LONG, stop=95)
    desk.enter("DDD", LONG, stop=95)
    assert desk.refusals() == ["", "same cluster", "", ""]
    assert figures(desk) == "in no cluster"


def test_of_one_bar_the_first_takes_the_place_before_it_is_filled() -> None:
    desk = grouped(ONE)
    desk.says("AAA", LONG, stop=95, score=4.0).says("BBB", LONG, stop=95, score=6.0).bar()
    assert [(one.signal.symbol, one.refused_by) for one in desk.decisions] == [
        ("BBB", ""),
        ("AAA", "same cluster"),
    ]


def test_a_cluster_has_room_for_so_much_and_the_next_entry_gets_what_is_left() -> None:
    desk = grouped(Limits(max_positions=9, max_same_direction=9, exposure_per_cluster=D("0.15")))
    desk.enter("AAA", LONG, stop=95)
    assert desk.decisions[-1].notional == 1000
    desk.enter("BBB", LONG, stop=95)
    decision = desk.decisions[-1]
    assert (decision.refused_by, decision.binding) == ("", "exposure limit")
    assert D(495) < decision.notional <= D("499.94"), "15 % of the equity, which paid fees, less the first"
    desk.enter("CCC", LONG, stop=95)
    desk.enter("DDD", LONG, stop=95)
    assert [one.notional for one in desk.decisions[-2:]] == [1000, 1000]


def test_a_full_cluster_refuses_with_its_figures() -> None:
    desk = grouped(Limits(max_positions=9, max_same_direction=9, exposure_per_cluster=D("0.1")))
    desk.enter("AAA", LONG, stop=95)
    desk.bar(AAA=(100, 101, 100, 101))
    desk.enter("BBB", LONG, stop=95)
    assert (desk.refusals()[-1], figures(desk)) == ("same cluster", "cluster 1: 0.101 x equity of 0.1")


def test_a_new_grouping_counts_from_the_next_entry_and_is_recorded_once() -> None:
    desk = grouped(ONE)
    assert kept(desk) == ['{"AAA":1,"BBB":1,"CCC":2,"NOTOURS":1}']
    desk.feed(ClustersChanged(desk.venue.now_ms, tuple(reversed(GROUPS))))
    assert len(kept(desk)) == 1
    desk.enter("AAA", LONG, stop=95)
    desk.feed(ClustersChanged(desk.venue.now_ms, (("AAA", 2), ("CCC", 2), ("BBB", 1))))
    desk.enter("BBB", LONG, stop=95)
    desk.enter("CCC", LONG, stop=95)
    assert desk.refusals() == ["", "", "same cluster"]
    desk.feed(ClustersChanged(desk.venue.now_ms, ()))
    assert kept(desk)[-1] == "{}"
    desk.enter("CCC", LONG, stop=95)
    assert desk.refusals()[-1] == ""


def test_groups_last_over_a_restart() -> None:
    desk = grouped(ONE)
    desk.enter("AAA", LONG, stop=95)
    desk.restart(Memory(desk.venue.steps).recovered())
    assert desk.state.clusters == dict(GROUPS)
    desk.enter("BBB", LONG, stop=95)
    assert desk.refusals()[-1] == "same cluster"
    desk.feed(ClustersChanged(desk.venue.now_ms, GROUPS))
    assert len(kept(desk)) == 1, "the start's word is no change"


def test_the_limits_are_set_and_taken_back() -> None:
    desk = grouped(FREE)
    before = tuning.object_text(desk.state.limits)
    assert desk.ask(SetLimit("max_same_cluster", D(1))) == Done((Change("max_same_cluster", "0", "1"),))
    after = tuning.object_text(desk.state.limits)
    assert desk.ask(SetLimit("exposure_per_cluster", D("1.5"))) == Done(
        (Change("exposure_per_cluster", "0", "1.5"),)
    )
    assert isinstance(desk.ask(SetLimit("max_same_cluster", D("1.5"))), Refused)
    desk.restart(Memory(desk.venue.steps).recovered())
    assert (desk.state.limits.max_same_cluster, desk.state.limits.exposure_per_cluster) == (1, D("1.5"))
    undone = desk.ask(UndoSetting(1, (Was("limits", before, after),)))
    assert undone == Done((Change("max_same_cluster", "1", "0"),))


def test_what_is_in_use_is_told() -> None:
    desk = grouped(FREE)
    assert uses(desk)["same cluster"] == ("off", "0")
    assert uses(desk)["exposure per cluster"] == ("off", "0 x")
    for name in ABCD:
        desk.enter(name, LONG, stop=95)
    assert uses(desk)["same cluster"] == ("off", "2 (cluster 1)")
    assert uses(desk)["exposure per cluster"] == ("off", "0.20 x (cluster 1)")
    desk.ask(SetLimit("max_same_cluster", D(2)))
    desk.ask(SetLimit("exposure_per_cluster", D(3)))
    assert uses(desk)["same cluster"] == ("2", "2 (cluster 1)")
    assert uses(desk)["exposure per cluster"] == ("3 x equity", "0.20 x (cluster 1)")


@pytest.mark.parametrize("missing", ["max_same_cluster", "exposure_per_cluster"])
def test_limits_recorded_before_there_were_clusters_are_none(missing: str) -> None:
    desk = Desk()
    desk.ask(SetLimit("max_positions", D(7)))
    memory = Memory(desk.venue.steps)
    old = memory.settings["limits"]
    memory.settings["limits"] = old.replace(f'"{missing}": 0, ', "").replace(f'"{missing}": "0", ', "")
    assert missing in old
    assert missing not in memory.settings["limits"]
    desk.restart(memory.recovered())
    assert desk.state.limits.max_positions == 7
    assert getattr(desk.state.limits, missing) == 0
