"""Another model in use: answered when its file says so, finished by the next start, taken back by /undo."""

from dataclasses import replace

import pytest
from desk_story import START_MS, Desk
from recovered import Memory

from bot.domain.action import PLACES, Notify, PlaceModel, RecordSetting
from bot.domain.command import Change, Done, UndoSetting, UseModel
from bot.domain.event import ModelPlaced, StorageChanged
from bot.domain.notice import NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.runtime import rehearsal
from bot.runtime.trading_desk import changes_of

UPDATE = UseModel("quiet", "XYZ", "v0002", "v0001")
PLACE = PlaceModel(1, "quiet", "XYZ", "v0002", "v0001")
CHANGE = Change("model in use of quiet/XYZ", "v0001", "v0002")


class Files:
    """`current` files as the placer has them; a desk may die before or after one is changed, or not hear of it."""

    def __init__(self, **current: str) -> None:
        self.current = dict(current)
        self.placed: list[PlaceModel] = []
        self.dead: list[str] = []

    def place(self, deed: PlaceModel) -> str:
        now = self.current.get(deed.symbol, "")
        self.placed.append(deed)
        if now not in (deed.version, deed.before):
            return f"quiet/{deed.symbol}: {now} is in use now, no longer {deed.before}"
        self.current[deed.symbol] = deed.version
        return ""

    def serve(self, desk: Desk) -> None:
        desk.venue.places = self.place

    def hold(self, desk: Desk, *, done: bool) -> None:
        """No answer comes, whether or not the file is changed."""
        plain = desk.venue._perform

        def perform(deed: object) -> None:
            if not isinstance(deed, PlaceModel):
                plain(deed)
            elif done:
                self.place(deed)

        desk.venue._perform = perform  # type: ignore[method-assign]


def desk_with(files: Files, *symbols: str) -> Desk:
    desk = Desk(*symbols)
    files.serve(desk)
    return desk


def restarted(desk: Desk, files: Files, held: bool | None = None) -> None:
    """The next process, with the same files from its first event on; `held`: as `Files.hold` is told."""
    recovered = Memory(desk.venue.steps).recovered()
    old = desk.venue
    desk.venue = type(old)(desk.new_engine(), desk.matching)
    desk.venue.inherit(old)
    if held is None:
        files.serve(desk)
    else:
        files.hold(desk, done=held)
    desk._take(desk.venue.start(old.now_ms + 1000, recovered))


def records(desk: Desk) -> list[tuple[str, str, str, str, str]]:
    """What the history of settings has of models in use."""
    found = [a for a in desk.actions if isinstance(a, RecordSetting) and a.key.startswith("current_model:")]
    return [(a.key, a.value, a.actor, a.before, a.after) for a in found]


def undo_newest(desk: Desk) -> UndoSetting:
    rows = [
        replace(action, place=step.number * PLACES + index)
        for step in desk.venue.steps
        for index, action in enumerate(step.actions)
        if isinstance(action, RecordSetting) and action.key.startswith("current_model:")
    ][::-1]
    return UndoSetting(rows[0].id, changes_of(rows, rows[0].id))


def told(desk: Desk) -> list[tuple[Severity, str]]:
    return [(one.severity, one.title) for one in desk.notices(NoticeKind.MODEL)]


def test_it_is_answered_and_recorded_when_the_file_says_so() -> None:
    files = Files(XYZ="v0001")
    desk = Desk()
    files.hold(desk, done=False)
    assert desk.ask(UPDATE) is None
    assert [a for a in desk.actions if isinstance(a, PlaceModel)] == [PLACE]
    assert records(desk) == []
    desk.feed(ModelPlaced(desk.venue.now_ms, 1))
    assert desk.answer("c1") == Done((CHANGE,))
    assert records(desk) == [("current_model:quiet/XYZ", '"v0002"', "test:1", "v0001", "v0002")]
    desk.feed(ModelPlaced(desk.venue.now_ms, 1), ModelPlaced(desk.venue.now_ms, 7, "what"))
    assert len(records(desk)) == 1
    assert told(desk) == [], "who asked was answered"


def test_a_fault_is_the_answer_and_nothing_is_recorded() -> None:
    desk = desk_with(Files(XYZ="v0009"))
    said = Refused("model", "quiet/XYZ: v0009 is in use now, no longer v0001")
    assert desk.ask(UPDATE) == said
    assert records(desk) == []
    assert desk.state.placings == {}


def test_one_at_a_time_of_a_place() -> None:
    desk = Desk("XYZ", "ABC")
    Files().hold(desk, done=False)
    assert desk.ask(UPDATE) is None
    waits = Refused("model", "quiet/XYZ: v0002 is being put in use; try again later")
    assert desk.ask(replace(UPDATE, version="v0003")) == waits
    assert desk.ask(UseModel("quiet", "ABC", "v0001", "")) is None
    assert desk.ask(UseModel("quiet", "_general", "v0001", "")) is None
    desk.feed(ModelPlaced(desk.venue.now_ms, 1, "no"))
    assert desk.ask(replace(UPDATE, version="v0003")) is None
    assert [a.number for a in desk.actions if isinstance(a, PlaceModel)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "command, said",
    [
        (UseModel("quiet", "NOPE", "v0001", ""), Refused("symbol", "NOPE is not traded; traded: XYZ")),
        (UseModel("loud", "XYZ", "v0001", ""), Refused("strategy", "XYZ is traded by quiet, not by loud")),
        (UseModel("loud", "_general", "v0001", ""), Refused("strategy", "loud trades no symbol here")),
        (UseModel("quiet", "XYZ", "v0001", "v0001"), Refused("model", "quiet/XYZ: v0001 is in use already")),
        (UseModel("quiet", "XYZ", "", ""), Refused("model", "quiet/XYZ: none is in use already")),
    ],
)
def test_what_cannot_be(command: UseModel, said: Refused) -> None:
    desk = Desk()
    assert desk.ask(command) == said
    assert not [a for a in desk.actions if isinstance(a, PlaceModel)]


def test_without_a_database_no_other_model() -> None:
    desk = Desk()
    desk.feed(StorageChanged(desk.venue.now_ms, False, "full"))
    refused = Refused("model", "quiet/XYZ: the database cannot be written; nothing is changed")
    assert desk.ask(UPDATE) == refused


@pytest.mark.parametrize(
    "symbol, before, after",
    [("XYZ", "", "v0001"), ("XYZ", "v0004", ""), ("_general", "v0001", "v0002"), ("_cluster-3", "", "v0001")],
)
def test_undo_goes_back_the_same_way(symbol: str, before: str, after: str) -> None:
    files = Files(**{symbol: before})
    desk = desk_with(files)
    assert isinstance(desk.ask(UseModel("quiet", symbol, after, before)), Done)
    assert files.current[symbol] == after
    undo = undo_newest(desk)
    name, words = f"model in use of quiet/{symbol}", (after or "none", before or "none")
    assert desk.ask(undo) == Done((Change(name, *words),))
    assert files.current[symbol] == before
    assert [one[1] for one in records(desk)] == [f'"{after}"', f'"{before}"']
    again = desk.ask(undo)
    assert isinstance(again, Done), "it is as it was already"
    assert files.current[symbol] == before


def test_undo_goes_back_to_what_was_in_use_whoever_had_put_it_there() -> None:
    files = Files(XYZ="v0001")
    desk = desk_with(files)
    desk.ask(UPDATE)
    files.current["XYZ"] = "v0005"  # by the command line
    desk.ask(UseModel("quiet", "XYZ", "v0006", "v0005"))
    assert isinstance(desk.ask(undo_newest(desk)), Done)
    assert files.current["XYZ"] == "v0005"


def test_undo_of_what_is_not_in_use_any_more_is_refused() -> None:
    files = Files(XYZ="v0001")
    desk = desk_with(files)
    desk.ask(UPDATE)
    undo, files.current["XYZ"] = undo_newest(desk), "v0008"
    assert desk.ask(undo) == Refused("model", "quiet/XYZ: v0008 is in use now, no longer v0002")
    files.hold(desk, done=False)
    assert desk.ask(UseModel("quiet", "XYZ", "v0009", "v0008")) is None
    waits = Refused("model", "quiet/XYZ: v0009 is being put in use; try again later")
    assert desk.ask(undo) == waits


def test_undo_where_the_symbol_is_not_traded_any_more_is_refused() -> None:
    desk = desk_with(Files(GONE="v0001"), "XYZ", "GONE")
    desk.ask(UseModel("quiet", "GONE", "v0002", "v0001"))
    undo = undo_newest(desk)
    less = Desk("XYZ")
    assert less.ask(undo) == Refused("symbol", "GONE is not traded; traded: XYZ")


@pytest.mark.parametrize("done", [False, True], ids=["before the file", "after it"])
def test_a_death_on_the_way_is_finished_by_the_next_start(done: bool) -> None:
    files = Files(XYZ="v0001")
    desk = Desk()
    files.hold(desk, done=done)
    assert desk.ask(UPDATE) is None
    restarted(desk, files)
    assert files.current["XYZ"] == "v0002"
    assert records(desk) == [("current_model:quiet/XYZ", '"v0002"', "test:1", "v0001", "v0002")]
    asked = "Model quiet/XYZ: v0001 -> v0002, asked by test:1 earlier, is done"
    assert told(desk) == [(Severity.INFO, asked)]
    deeds = len(files.placed)
    restarted(desk, files)
    assert (len(files.placed), len(records(desk)), desk.state.placings) == (deeds, 1, {})
    assert isinstance(desk.ask(UseModel("quiet", "XYZ", "v0003", "v0002")), Done)


def test_a_death_of_the_second_process_too() -> None:
    files = Files(XYZ="v0001")
    desk = Desk()
    files.hold(desk, done=False)
    desk.ask(UPDATE)
    restarted(desk, files, held=True)
    assert desk.ask(replace(UPDATE, version="v0003")) == Refused(
        "model", "quiet/XYZ: v0002 is being put in use; try again later"
    )
    restarted(desk, files)
    assert [one[1:3] for one in records(desk)] == [('"v0002"', "test:1")]


def test_a_disk_that_does_not_answer_lets_the_one_who_asked_go_and_is_waited_for() -> None:
    files = Files(XYZ="v0001")
    desk = Desk()
    files.hold(desk, done=True)
    assert desk.ask(UPDATE) is None
    desk.wait(59_999)
    assert desk.answer("c1") is None
    desk.wait(1)
    late = Refused("model", "quiet/XYZ: the disk does not answer; v0002 follows when it does")
    assert desk.answer("c1") == late
    waits = Refused("model", "quiet/XYZ: v0002 is being put in use; try again later")
    assert desk.ask(replace(UPDATE, version="v0003")) == waits
    desk.feed(ModelPlaced(desk.venue.now_ms, 1))
    assert [one[1:3] for one in records(desk)] == [('"v0002"', "test:1")]
    assert told(desk) == [
        (Severity.INFO, "Model quiet/XYZ: v0001 -> v0002, asked by test:1 earlier, is done")
    ]
    desk.wait(120_000)
    assert len(told(desk)) == 1


def test_a_start_without_a_database_forgets_nothing_that_may_be_done() -> None:
    files = Files(XYZ="v0001")
    desk = Desk()
    files.hold(desk, done=True)
    desk.ask(UPDATE)
    restarted(desk, files, held=False)
    now_ms = desk.venue.now_ms
    desk.feed(StorageChanged(now_ms, False, "full"), ModelPlaced(now_ms, 1, "the database cannot be written"))
    assert (records(desk), told(desk)) == ([], [])
    asked = len([a for a in desk.actions if isinstance(a, PlaceModel)])
    desk.feed(StorageChanged(now_ms, True))
    assert [a for a in desk.actions if isinstance(a, PlaceModel)][asked:] == [PLACE]
    desk.feed(ModelPlaced(now_ms, 1))
    assert [one[1:3] for one in records(desk)] == [('"v0002"', "test:1")]


def test_another_version_put_there_meanwhile_stays_and_people_are_told() -> None:
    files = Files(XYZ="v0001")
    desk = Desk()
    files.hold(desk, done=False)
    desk.ask(UPDATE)
    files.current["XYZ"] = "v0007"
    restarted(desk, files)
    assert (files.current["XYZ"], records(desk)) == ("v0007", [])
    why = "was not done: quiet/XYZ: v0007 is in use now, no longer v0001"
    assert told(desk) == [
        (Severity.CRITICAL, f"Model quiet/XYZ: v0001 -> v0002, asked by test:1 earlier, {why}")
    ]


def test_what_is_not_traded_any_more_is_finished_all_the_same() -> None:
    files = Files(GONE="v0001")
    desk = Desk("XYZ", "GONE")
    files.hold(desk, done=False)
    desk.ask(UseModel("quiet", "GONE", "v0002", "v0001"))
    recovered = Memory(desk.venue.steps).recovered()
    less = Desk("XYZ")
    files.serve(less)
    less.restart(recovered)
    assert [n.symbol for n in less.notices(NoticeKind.MODEL)] == [""]
    assert len(records(less)) == 1


def test_a_rehearsal_touches_no_file() -> None:
    files = Files(XYZ="v0001")
    desk = desk_with(files)
    preview = rehearsal.setting(desk.venue.engine, UPDATE, "test:1", START_MS)
    assert not isinstance(preview, Refused)
    assert preview.changes == (CHANGE,)
    pooled = rehearsal.setting(desk.venue.engine, UseModel("quiet", "_general", "v1", ""), "test:1", START_MS)
    assert not isinstance(pooled, Refused)
    assert (pooled.symbol, files.placed, desk.state.placings) == ("XYZ", [], {})
    assert pooled.remarks == ()
    assert rehearsal.rehearse(desk.venue.engine, UPDATE, "test:1", START_MS) == ()
    assert not [a for a in desk.actions if isinstance(a, Notify)]
