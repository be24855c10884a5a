"""The courier: order, folding, wishes, outages; each person for himself."""

import asyncio
from decimal import Decimal

import pytest
from chat_fakes import START_MS
from notice_kit import ME, OTHER, QUICK, Post, critical, notice, queued
from virtual_loop import virtually

from bot.domain.action import PLACES
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.engine.tell import money
from bot.runtime.ports import QueuedNotice
from bot.runtime.wishes import DETAIL
from handlers.lanes import LaneRules
from handlers.notices import FoldRules, PlatformDown, fold
from handlers.persons import Persons
from handlers.render_text import notice_reply
from handlers.reply import BarPlot, Plot, Reply


class Died(BaseException):
    """The process was killed here."""


@virtually
async def test_in_order_critical_first() -> None:
    post = Post([notice("a"), notice("b"), notice("c", NoticeKind.KILL, Severity.CRITICAL)])
    assert await post.courier.deliver() == 3
    assert post.titles == ["c", "a", "b"]
    assert await post.courier.deliver() == 0


@virtually
async def test_to_everybody_as_they_wish() -> None:
    post = Post([notice("in"), notice("out", NoticeKind.EXIT)], (ME, OTHER))
    post.preferences.settings = {"telegram:1": {"entry": "off"}, "telegram:2": {"exit": "quiet"}}
    await post.courier.deliver()
    assert sorted(post.phone.got) == [("1", "out", False), ("2", "in", False), ("2", "out", True)]
    assert (
        sorted(post.outbox.gone["telegram:1"])
        == sorted(post.outbox.gone["telegram:2"])
        == [PLACES, 2 * PLACES]
    )


@virtually
async def test_a_critical_one_comes_whatever_somebody_has_set() -> None:
    post = Post([notice("kill", NoticeKind.KILL, Severity.CRITICAL), notice("reset", NoticeKind.KILL)])
    post.preferences.settings = {"telegram:1": {"kill": "off"}}
    await post.courier.deliver()
    assert post.phone.got == [("1", "kill", False)]


@virtually
async def test_one_for_one_person_reaches_that_one_on_all_platforms_and_nobody_else() -> None:
    persons = Persons({"ann": ("discord:9", "telegram:1")})
    post = Post([notice("yours", NoticeKind.ALERT, to="discord:9")], (ME, OTHER), persons=persons)
    post.preferences.settings = {"telegram:1": {"alert": "off"}}
    await post.courier.deliver()
    assert post.phone.got == [("1", "yours", False)]
    assert post.outbox.gone["telegram:2"] == [PLACES]


@virtually
async def test_a_storm_is_folded_and_says_how_many() -> None:
    post = Post([notice(f"entry {i}") for i in range(17)] + [notice("exit", NoticeKind.EXIT)])
    await post.courier.deliver()
    assert post.titles == [*(f"entry {i}" for i in range(5)), "12 more like this: entry", "exit"]
    assert sorted(post.outbox.gone["telegram:1"]) == [PLACES * i for i in range(1, 19)]


@virtually
async def test_folded_exits_say_what_they_come_to() -> None:
    nets = [money(Decimal(value), "USDT") for value in ("10.50", "-4.25", "1")]
    exits = [notice("out", NoticeKind.EXIT)] * 5
    exits += [
        Notice(NoticeKind.EXIT, Severity.TRADE, START_MS, "out", (("Net", net),), "XRPUSDT") for net in nets
    ]
    *_, parcel = fold(queued(*exits), FoldRules(), START_MS)
    assert parcel.notice.title == "3 more like this: exit"
    assert parcel.notice.fields[0] == ("Net in all", "+7.25 USDT in 3 trades, 2 won")


@virtually
async def test_a_storm_folds_only_what_this_person_wants() -> None:
    post = Post([notice(f"entry {i}") for i in range(9)] + [notice("x", NoticeKind.JOB)] * 9)
    post.preferences.settings = {"telegram:1": {"entry": "off"}}
    await post.courier.deliver()
    assert post.titles == [*["x"] * 5, "4 more like this: job"]


@virtually
async def test_what_is_critical_is_never_folded() -> None:
    post = Post([notice(f"kill {i}", NoticeKind.KILL, Severity.CRITICAL, -9_999_999) for i in range(30)])
    await post.courier.deliver()
    assert post.titles == [f"kill {i}" for i in range(30)]


@virtually
async def test_old_ones_are_summed_up() -> None:
    old = [notice(f"old {i}", at=-3_600_001) for i in range(12)] + [
        notice("x", NoticeKind.EXIT, at=-3_700_000)
    ]
    parcels = list(fold(queued(*old, notice("new")), FoldRules(), START_MS))
    assert [parcel.notice.title for parcel in parcels] == [
        "While this chat was away: 13 older notices",
        "new",
    ]
    fields = parcels[0].notice.fields
    assert fields[:3] == (("entry", "12"), ("exit", "1"), ("and", "3 before these"))
    assert len(fields) == 13


@virtually
async def test_a_few_old_ones_are_told_as_they_are() -> None:
    few = [notice(f"old {i}", at=-3_600_001) for i in range(3)]
    parcels = list(fold(queued(*few, notice("new")), FoldRules(), START_MS))
    assert [parcel.notice.title for parcel in parcels] == ["old 0", "old 1", "old 2", "new"]


@virtually
async def test_one_too_many_is_not_worth_a_fold() -> None:
    parcels = list(fold(queued(*(notice(f"{i}") for i in range(6))), FoldRules(), START_MS))
    assert [parcel.notice.title for parcel in parcels] == list("012345")


@virtually
async def test_an_outage_loses_and_reorders_nothing() -> None:
    post = Post([critical("a"), critical("b"), critical("c")])
    post.phone.down_for = 5
    await post.run_until(3)
    assert post.titles == ["a", "b", "c"]
    assert post.slept[:5] == [7, 7, 7, 8, 16]


@virtually
async def test_who_cannot_be_reached_keeps_nobody_else_waiting_and_misses_nothing() -> None:
    post = Post([notice("a"), notice("b")], (ME, OTHER))
    post.phone.down_chats = {"2"}
    with pytest.raises(PlatformDown):
        await post.courier.deliver()
    assert post.phone.titles("1") == ["a", "b"]
    post.outbox.queue.append(QueuedNotice(9 * PLACES, "", critical("late")))
    with pytest.raises(PlatformDown):
        await post.courier.deliver()
    post.phone.down_chats = set()
    await post.courier.deliver()
    assert post.phone.titles("1") == ["a", "b", "late"]
    assert post.phone.titles("2") == ["late", "a", "b"]


@virtually
async def test_a_slow_chat_keeps_nobody_else_waiting_and_a_slow_trade_no_critical_one() -> None:
    post = Post([notice(f"trade {n}") for n in range(3)], (ME, OTHER))
    post.phone.slow = {"2": 0.2}
    task = asyncio.create_task(post.courier.run())
    await asyncio.sleep(0.05)
    assert post.phone.titles("1") == ["trade 0", "trade 1", "trade 2"]
    post.outbox.queue.append(QueuedNotice(9 * PLACES, "", critical("fire")))
    post.courier.wake()
    await asyncio.sleep(0.3)
    task.cancel()
    assert post.phone.titles("1")[-1] == "fire"
    assert post.phone.titles("2").index("fire") <= 1, "it did not wait for the trades before it"


@virtually
async def test_a_notice_that_breaks_the_platform_comes_as_its_headline() -> None:
    post = Post([notice("poison"), notice("good")])
    post.phone.breaks_on = "poison"
    await post.run_until(2)
    assert post.titles == ["poison", "good"]
    assert post.phone.replies[0].fields == ()
    assert len(post.slept) == 4


@virtually
async def test_one_that_breaks_it_even_so_is_given_up_and_blocks_nothing() -> None:
    post = Post([notice("poison"), notice("good")])
    say = post.phone.say

    async def broken(chat_id: str, reply: Reply, silent: bool = False) -> str:
        if reply.title == "poison":
            raise ValueError("cannot render")
        return await say(chat_id, reply, silent)

    post.phone.say = broken  # type: ignore[method-assign]
    await post.run_until(1)
    assert post.titles == ["good"]
    assert len(post.slept) == 4


@virtually
async def test_a_broken_outbox_is_tried_again() -> None:
    post = Post([notice("a")])
    waiting, calls = post.outbox.waiting, []

    async def flaky(platform: str, limit: int, severity: Severity | None = None) -> tuple[QueuedNotice, ...]:
        if severity is Severity.TRADE:
            calls.append(1)
            if len(calls) < 3:
                raise OSError("disk")
        return await waiting(platform, limit, severity)

    post.outbox.waiting = flaky  # type: ignore[method-assign]
    await post.run_until(1)
    assert post.slept == [1.0, 2.0]


@virtually
async def test_what_was_said_but_could_not_be_marked_is_not_said_again() -> None:
    post = Post([notice("a"), notice("b")])
    sent, calls = post.outbox.sent, []

    async def flaky(platform: str, ids: list[int], at_ms: int) -> None:
        calls.append(1)
        if len(calls) < 4:
            raise OSError("disk")
        await sent(platform, list(ids), at_ms)

    post.outbox.sent = flaky  # type: ignore[method-assign, assignment]
    await post.run_until(2)
    assert post.titles == ["a", "b"]


@virtually
async def test_a_death_between_sending_and_marking_doubles_that_one_alone() -> None:
    post = Post([critical(str(i)) for i in range(6)])
    sent, calls = post.outbox.sent, []

    async def dying(platform: str, ids: list[int], at_ms: int) -> None:
        calls.append(1)
        if len(calls) == 4:
            raise Died
        await sent(platform, list(ids), at_ms)

    post.outbox.sent = dying  # type: ignore[method-assign, assignment]
    with pytest.raises(Died):
        await post.courier.deliver()
    after = Post([])
    after.outbox, after.office.outbox = post.outbox, post.outbox
    post.outbox.sent = sent  # type: ignore[method-assign]
    await after.courier.deliver()
    assert post.titles + after.titles == ["0", "1", "2", "3", "3", "4", "5"]


@virtually
async def test_a_wake_up_is_heard_at_once() -> None:
    post = Post([], rules=LaneRules(poll_s=60))
    task = asyncio.create_task(post.courier.run())
    await asyncio.sleep(0.01)
    post.outbox.queue = queued(notice("now"))
    post.courier.wake()
    await asyncio.sleep(0.01)
    assert post.titles == ["now"]
    task.cancel()


@virtually
async def test_who_joins_the_crew_gets_notices_and_who_leaves_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("handlers.notices.LOOK_AGAIN_S", 0.01)
    post = Post([notice("a")])
    task = asyncio.create_task(post.courier.run())
    await asyncio.sleep(0.05)
    post.people = [OTHER]
    await asyncio.sleep(0.05)
    post.outbox.queue += [QueuedNotice(7 * PLACES, "", notice("b"))]
    post.courier.wake()
    await asyncio.sleep(0.05)
    task.cancel()
    assert post.phone.titles("1") == ["a"]
    assert post.phone.titles("2") == ["a", "b"]
    assert list(post.outbox.gone) == ["telegram:2"], "nothing waits for somebody who has gone"


@virtually
async def test_short_is_the_headline_alone_but_not_for_critical_ones() -> None:
    post = Post([notice("in"), critical("fire")])
    post.preferences.settings = {"telegram:1": {DETAIL: "short"}}
    await post.courier.deliver()
    shown = {reply.title: reply.fields for reply in post.phone.replies}
    assert shown == {"in": (), "fire": (("size", "1"),)}


@virtually
async def test_a_digest_brings_its_picture_and_goes_without_when_there_is_none() -> None:
    plot = BarPlot(("a",), (), "bars")

    async def draw(line: str) -> Plot | None:
        if line == "/digest week":
            raise ValueError("no figures")
        return plot if line == "/digest day" else None

    lines = [
        Notice(
            NoticeKind.DIGEST, Severity.INFO, START_MS, f"Digest {line}", (("Picture", f"/digest {line}"),)
        )
        for line in ("day", "week", "month")
    ]
    post = Post(lines, draw=draw)
    await post.courier.deliver()
    assert [(reply.plot, reply.fields) for reply in post.phone.replies] == [
        (plot, ()),
        (None, (("Picture", "/digest week"),)),
        (None, (("Picture", "/digest month"),)),
    ]


@virtually
async def test_buttons_lead_to_where_one_looks_next() -> None:
    def undone(platform: str, chat_id: str, role: object, reply: Reply) -> Reply:
        return reply

    kinds = (NoticeKind.ENTRY, NoticeKind.KILL, NoticeKind.DAILY_LOSS, NoticeKind.JOB)
    post = Post([notice(kind.value, kind) for kind in kinds] + [critical("fire")], dress=undone, rules=QUICK)
    await post.courier.deliver()
    found = {reply.title: [button.command_line for button in reply.buttons] for reply in post.phone.replies}
    assert found == {
        "fire": ["/ack 5"],
        "entry": ["/status", "/chart XRPUSDT"],
        "kill": ["/kill"],
        "daily_loss": ["/risk"],
        "job": [],
    }


def test_a_notice_reads_like_a_reply() -> None:
    reply = notice_reply(notice("Entry"))
    assert (reply.title, reply.fields, reply.severity) == ("Entry", (("size", "1"),), Severity.TRADE)
