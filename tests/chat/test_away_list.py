"""After downtime: nothing runs by itself, one list per chat, run and discard once, kept over restarts."""

from dataclasses import replace

import pytest
from chat_fakes import START_MS
from crew_kit import DAY, GROUP, HOUR, Crew, MemoryArrivals, labels, lines

from bot.runtime.chat_ports import Arrival, ArrivalState
from handlers.command import Role
from handlers.request import RequestKind

BEFORE = START_MS - 6 * HOUR
ALONE = {"chat_id": "2"}


async def test_what_was_sent_before_the_start_is_not_run() -> None:
    crew = Crew()
    for line in ("/resume_nothing", "/pause", "/panic_close now", "/set_risk 7", "/status"):
        assert await crew.say(line, sent_at_ms=BEFORE) is None, line
    assert crew.desk.done == []
    assert crew.arrivals.states() == ["ended", "parked", "parked", "parked", "parked"]
    assert {outcome for _, outcome in crew.audit.outcomes} == {"stale"}


async def test_a_second_before_the_start_is_before_it_however_fresh() -> None:
    crew = Crew(at_ms=START_MS + 500)
    assert await crew.say("/pause", sent_at_ms=START_MS - 1_000) is None
    assert await crew.say("/pause", sent_at_ms=START_MS) is not None, "times are cut to whole seconds"
    assert len(crew.desk.done) == 1


async def test_one_list_after_a_quiet_second_brakes_first_reads_last() -> None:
    crew = Crew()
    said = [
        "/status",
        "/set_risk 7",
        "/close XRPUSDT",
        "/pause",
        "/panic_close now",
        "/trades 5",
        "/set_risk 8",
    ]
    for age, line in enumerate(said):
        await crew.say(line, sent_at_ms=BEFORE + age * 1_000)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    assert told.title == "Arrived while I was away"
    assert lines(told) == [
        "/panic_close now",
        "/pause",
        "/close XRPUSDT",
        "/set_risk 7",
        "/set_risk 8",
        "/status",
        "/trades 5",
    ]
    assert "7 lines came too late and nothing of it was run." in told.text
    assert labels(told) == [f"{w} {n}" for n in range(1, 8) for w in ("Run", "Discard")] + ["Discard all"]
    assert crew.desk.done == []


async def test_the_row_says_who_when_and_how_old() -> None:
    crew = Crew()
    crew.access._seen["telegram:2"] = ("Bert", START_MS)
    await crew.say("/pause", sent_at_ms=START_MS - 2 * HOUR, user_name="Bert")
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    assert told.table is not None
    [[number, who, sent, age, line]] = told.table.rows
    assert (number, who, age, line) == ("1", "Bert", "2h", "/pause")
    assert sent.endswith("+00:00")


async def test_a_group_gets_its_list_and_others_theirs() -> None:
    crew = Crew()
    await crew.say("/pause", sent_at_ms=BEFORE, **GROUP)
    await crew.say("/pause", "1", sent_at_ms=BEFORE)
    await crew.say("/set_risk 7", "7", sent_at_ms=BEFORE, **GROUP)
    await crew.say("/pause", "666", sent_at_ms=BEFORE)
    await crew.say("/pause", sent_at_ms=BEFORE, chat_kind=GROUP["chat_kind"], chat_id="-999")
    await crew.settle_down()
    assert sorted(chat for chat, _ in crew.mouths["telegram"].said) == ["-100", "1"]
    assert lines(crew.mouths["telegram"].to("-100")[0]) == ["/pause", "/set_risk 7"]
    assert lines(crew.mouths["telegram"].to("1")[0]) == ["/pause"]


async def test_run_is_that_line_as_the_presser_once() -> None:
    crew = Crew()
    await crew.say("/pause XRPUSDT", sent_at_ms=BEFORE, **GROUP)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("-100")
    done = await crew.press(told, "Run 1", "7", **GROUP)
    assert done is not None
    assert done.title == "Paused"
    assert (crew.last.user_id, crew.last.command, crew.last.arguments) == ("7", "pause", "XRPUSDT")
    again = await crew.press(told, "Run 1", "2", **GROUP)
    assert again is not None
    assert again.title == "Run or discarded already"
    assert crew.desk.done == [("pause", "XRPUSDT")]
    assert "parked" not in crew.arrivals.states()
    assert "taken" not in crew.arrivals.states()


async def test_two_presses_at_once_run_it_once() -> None:
    import asyncio

    crew = Crew()
    await crew.say("/pause", sent_at_ms=BEFORE, **GROUP)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("-100")
    await asyncio.gather(*(crew.press(told, "Run 1", user, **GROUP) for user in ("1", "2", "7")))
    assert crew.desk.done == [("pause", "")]


async def test_a_viewers_press_runs_nothing_and_takes_nothing_away() -> None:
    crew = Crew()
    await crew.say("/pause", sent_at_ms=BEFORE, **GROUP)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("-100")
    denied = await crew.press(told, "Run 1", "3", **GROUP)
    assert denied is not None
    assert denied.title == "Not allowed"
    assert await crew.press(told, "Run 1", "666", **GROUP) is None
    refused = await crew.press(told, "Discard 1", "3", **GROUP)
    assert refused is not None
    assert not refused.ok
    assert crew.desk.done == []
    assert (await crew.press(told, "Run 1", "2", **GROUP)) is not None
    assert crew.desk.done == [("pause", "")]


async def test_run_asks_what_the_command_asks() -> None:
    crew = Crew()
    await crew.say("/close XRPUSDT 50", sent_at_ms=BEFORE)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    card = await crew.press(told, "Run 1")
    assert labels(card) == ["Confirm", "Cancel"]
    assert crew.desk.done == []
    await crew.press(card, "Confirm")
    assert [deed[0] for deed in crew.desk.done] == ["close"]


async def test_a_press_that_is_late_itself_runs_nothing() -> None:
    crew = Crew()
    await crew.say("/set_risk 7", sent_at_ms=BEFORE)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    sent = crew.clock.now_ms
    crew.clock.forward(31_000)
    said = await crew.press(told, "Run 1", sent_at_ms=sent)
    assert crew.desk.done == []
    assert crew.last.outcome == "stale"
    assert labels(said) == ["Show"], "no button that would run it beside the list"
    again = await crew.press(said, "Show")
    assert again is not None
    assert lines(again) == ["/set_risk 7"]
    assert crew.arrivals.states().count("parked") == 1


async def test_discard_one_and_all() -> None:
    crew = Crew()
    for number in range(3):
        await crew.say(f"/set_risk {number + 5}", sent_at_ms=BEFORE + number)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    left = await crew.press(told, "Discard 2")
    assert left is not None
    assert lines(left) == ["/set_risk 5", "/set_risk 7"]
    assert left.in_place
    gone = await crew.press(told, "Run 2")
    assert gone is not None
    assert gone.title == "Run or discarded already"
    done = await crew.press(left, "Discard all")
    assert done is not None
    assert done.title == "Nothing waits"
    assert crew.desk.done == []
    assert crew.arrivals.states().count("dropped") == 3


async def test_the_same_line_again_is_one_row_and_one_run() -> None:
    crew = Crew()
    for number in range(4):
        await crew.say("/panic_close now", sent_at_ms=BEFORE + number * 60_000)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    assert lines(told) == ["/panic_close now ×4"]
    await crew.press(told, "Run 1")
    assert crew.desk.done == [("panic_close", "")]
    assert "parked" not in crew.arrivals.states()
    assert (await crew.reply("/away")).title == "Nothing waits"


async def test_many_reads_are_one_row_without_run() -> None:
    crew = Crew()
    for line in ("/status", "/status", "/trades", "/pnl", "/status BTCUSDT", "/pause"):
        await crew.say(line, sent_at_ms=BEFORE)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    assert lines(told) == ["/pause", "5 commands that only read: /status ×3, /trades ×1, /pnl ×1"]
    assert labels(told) == ["Run 1", "Discard 1", "Discard 2", "Discard all"]
    left = await crew.press(told, "Discard 2")
    assert left is not None
    assert lines(left) == ["/pause"]


async def test_more_than_a_page_is_paged_and_each_can_be_run() -> None:
    crew = Crew()
    for number in range(25):
        await crew.say(f"/set_risk {number + 5}", sent_at_ms=BEFORE + number)
    await crew.settle_down()
    [page] = crew.mouths["telegram"].to("2")
    seen = lines(page)
    assert "Rows 1 to 10 of 25." in page.text
    assert len(page.buttons) <= 25, "Discord takes no more"
    for _ in range(2):
        following = await crew.press(page, "Rows after")
        assert following is not None
        assert following.in_place
        page = following
        seen += lines(page)
    assert seen == [f"/set_risk {number + 5}" for number in range(25)]
    card = await crew.press(page, "Run 25")
    assert card is not None
    assert "29" in f"{card.fields} {card.text}"


async def test_a_restart_keeps_the_list_and_its_buttons() -> None:
    arrivals = MemoryArrivals()
    first = Crew(arrivals)
    await first.say("/pause", sent_at_ms=BEFORE)
    await first.settle_down()
    [told] = first.mouths["telegram"].to("2")
    second = Crew(arrivals, at_ms=START_MS + HOUR)
    second.count = 1_000
    await second.settle_down()
    [again] = second.mouths["telegram"].to("2")
    assert lines(again) == ["/pause"], "PARKED, not begun"
    await second.press(told, "Run 1")
    assert second.desk.done == [("pause", "")]
    third = Crew(arrivals, at_ms=START_MS + 2 * HOUR)
    await third.settle_down()
    assert third.mouths["telegram"].said == []


async def test_what_an_earlier_run_died_on_is_listed_as_begun() -> None:
    arrivals = MemoryArrivals()
    died = Arrival(
        "telegram", "500", "telegram:2", "2", "/pause XRPUSDT", START_MS - 40_000, START_MS - 39_000
    )
    await arrivals.claim(died)
    await arrivals.claim(replace(died, update_id="501", state=ArrivalState.EFFECTED, line="/set_risk 9"))
    await arrivals.claim(replace(died, update_id="502", line=""))
    await arrivals.claim(replace(died, update_id="503", line="/nosuch"))
    await arrivals.claim(replace(died, update_id="504", user="telegram:666"))
    crew = Crew(arrivals)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    assert lines(told) == ["/pause XRPUSDT (was begun, took no effect)"]
    assert await crew.say("/pause XRPUSDT", update_id="500") is None, "the platform delivers it again"
    await crew.press(told, "Run 1")
    assert crew.desk.done == [("pause", "XRPUSDT")]
    assert arrivals.states()[1] == "effected"
    assert "taken" not in arrivals.states()


async def test_with_several_accounts_an_effect_may_be_noted_elsewhere() -> None:
    """Each account's effects are in its own database: of a line that was begun nothing is claimed."""
    arrivals = MemoryArrivals()
    await arrivals.claim(
        Arrival("telegram", "500", "telegram:2", "2", "/pause", START_MS - 9_000, START_MS - 8_000)
    )
    crew = Crew(arrivals)
    crew.away.several = lambda: True
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    assert lines(told) == ["/pause (was begun, whether it took effect is not known)"]


async def test_a_day_later_it_is_forgotten() -> None:
    crew = Crew()
    await crew.say("/pause", sent_at_ms=START_MS - 23 * HOUR)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    crew.clock.forward(HOUR)
    gone = await crew.press(told, "Run 1")
    assert gone is not None
    assert gone.title == "Run or discarded already"
    assert crew.desk.done == []
    later = Crew(crew.arrivals, at_ms=START_MS + 2 * HOUR)
    await later.settle_down()
    assert later.mouths["telegram"].said == []
    assert "parked" not in later.arrivals.states()


async def test_who_is_of_the_crew_no_more_has_no_lines_there() -> None:
    crew = Crew()
    await crew.say("/pause", "7", sent_at_ms=BEFORE, **GROUP)
    await crew.access.give("telegram:7", None, 0, "telegram:1")
    await crew.settle_down()
    assert crew.mouths["telegram"].said == []


async def test_what_one_may_not_give_is_denied_not_kept() -> None:
    crew = Crew()
    reply = await crew.say("/pause", "3", sent_at_ms=BEFORE)
    assert reply is not None
    assert reply.title == "Not allowed"
    assert "parked" not in crew.arrivals.states()


async def test_a_single_late_line_while_up_is_answered_by_itself() -> None:
    crew = Crew()
    sent = crew.clock.now_ms
    crew.clock.forward(200_000)
    late = await crew.reply("/pause", sent_at_ms=sent)
    assert late.title == "Too late: /pause"
    assert labels(late) == ["Run it now"]
    assert crew.arrivals.states() == ["ended"]
    await crew.settle_down()
    assert crew.mouths["telegram"].said == []


async def test_several_late_lines_while_up_become_a_list() -> None:
    """The platform was unreachable for a while; then everything comes at once."""
    crew = Crew()
    sent = crew.clock.now_ms
    crew.clock.forward(400_000)
    assert (await crew.reply("/set_risk 7", sent_at_ms=sent)).title == "Too late: /set_risk"
    for line in ("/status", "/panic_close now", "/panic_close now"):
        assert await crew.say(line, sent_at_ms=sent) is None
    assert (await crew.reply("/pause", sent_at_ms=crew.clock.now_ms)).ok, "what is fresh runs"
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    assert lines(told) == ["/panic_close now ×2", "/status"]


async def test_a_redelivered_line_is_parked_once() -> None:
    crew = Crew()
    for _ in range(3):
        assert await crew.say("/pause", update_id="77", sent_at_ms=BEFORE) is None
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    assert lines(told) == ["/pause"]


@pytest.mark.parametrize("kind", [RequestKind.SLASH, RequestKind.FORM])
async def test_slash_options_and_forms_are_parked_as_lines(kind: RequestKind) -> None:
    crew = Crew()
    given = {"symbol": "XRPUSDT", "percent": "50"}
    await crew.dispatcher.handle(
        crew.request(kind=kind, command="close", arguments=given, sent_at_ms=BEFORE, platform="telegram")
    )
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    assert lines(told) == ["/close symbol=XRPUSDT percent=50"]
    await crew.tap(told, "Run 1")
    assert [deed[:2] for deed in crew.desk.done] == [("close", "XRPUSDT")]


async def test_an_old_button_that_runs_a_line_is_parked_too() -> None:
    first = Crew()
    card = await first.reply("/status")
    second = Crew(first.arrivals, at_ms=START_MS + HOUR)
    second.count = 50
    button = next(b for b in card.buttons if b.label == "Close")
    pressed = second.request(kind=RequestKind.BUTTON, button=button.id, sent_at_ms=START_MS + HOUR - 5_000)
    assert await second.dispatcher.handle(pressed) is None
    await second.settle_down()
    [told] = second.mouths["telegram"].to("2")
    assert lines(told) == ["/close XRPUSDT"]


async def test_an_old_confirm_is_no_line() -> None:
    first = Crew()
    card = await first.reply("/set_risk 7")
    second = Crew(first.arrivals, at_ms=START_MS + HOUR)
    second.count = 50
    confirm = next(b for b in card.buttons if b.label == "Confirm")
    said = await second.dispatcher.handle(
        second.request(kind=RequestKind.BUTTON, button=confirm.id, sent_at_ms=START_MS + HOUR - 5_000)
    )
    assert said is not None
    assert said.title == "This button no longer works"
    assert second.desk.done == []
    assert "parked" not in second.arrivals.states()


async def test_the_list_waits_for_a_platform_that_is_down_and_keeps_no_other_waiting() -> None:
    crew = Crew()
    crew.mouths["telegram"].down = 3
    await crew.say("/pause", sent_at_ms=BEFORE)
    await crew.say("/pause", "9", platform="discord", sent_at_ms=BEFORE)
    await crew.settle_down()
    assert len(crew.mouths["discord"].to("9")) == 1
    assert len(crew.mouths["telegram"].to("2")) == 1


async def test_without_a_database_run_and_discard_still_work_once() -> None:
    crew = Crew()
    await crew.say("/panic_close now", sent_at_ms=BEFORE)
    await crew.settle_down()
    [told] = crew.mouths["telegram"].to("2")
    crew.arrivals.down = True
    await crew.press(told, "Run 1")
    again = await crew.press(told, "Run 1")
    assert again is not None
    assert again.title == "Run or discarded already"
    assert crew.desk.done == [("panic_close", "")]


async def test_away_shows_the_list_of_this_chat_only() -> None:
    crew = Crew()
    await crew.say("/pause", sent_at_ms=BEFORE)
    await crew.say("/set_risk 7", sent_at_ms=BEFORE, **GROUP)
    assert lines(await crew.reply("/away")) == ["/pause"]
    assert lines(await crew.reply("/away", **GROUP)) == ["/set_risk 7"]
    assert (await crew.reply("/away", "7")).title == "Nothing waits"
    code = next(b.command_line for b in (await crew.reply("/away")).buttons if b.label == "Run 1")
    elsewhere = await crew.reply(code, **GROUP)
    assert elsewhere.title == "Run or discarded already"
    assert crew.desk.done == []


async def test_typed_codes_are_the_same_as_buttons() -> None:
    crew = Crew()
    await crew.say("/pause", sent_at_ms=BEFORE)
    line = next(b.command_line for b in (await crew.reply("/away")).buttons if b.label == "Run 1")
    await crew.reply(line)
    assert crew.desk.done == [("pause", "")]
    for nonsense in (
        "/away run",
        "/away run nosuch",
        "/away discard",
        "/away discard nosuch",
        "/away nosuch",
    ):
        assert not (await crew.reply(nonsense)).ok, nonsense
    assert crew.desk.done == [("pause", "")]


async def test_a_secret_in_a_late_line_is_not_kept() -> None:
    crew = Crew()
    token = "123456789:" + "A" * 35
    await crew.say(f"/note XRPUSDT {token}", sent_at_ms=BEFORE)
    assert all(token not in row.line for row in crew.arrivals.rows.values())
    await crew.settle_down()
    assert all(token not in str(reply) for _, reply in crew.mouths["telegram"].said)


async def test_a_flood_of_late_lines_is_bounded() -> None:
    crew = Crew(users={"telegram:2": Role.TRADER})
    for number in range(520):
        await crew.say(f"/set_risk {number % 90 + 5}.{number}", sent_at_ms=BEFORE + number)
    assert crew.arrivals.states().count("parked") == 500
    assert crew.arrivals.states().count("dropped") == 20


async def test_updates_without_a_number_are_not_parked() -> None:
    crew = Crew()
    reply = await crew.reply("/pause", update_id="", sent_at_ms=START_MS - DAY // 2)
    assert reply.title == "Too late: /pause"
    assert crew.desk.done == []


async def test_yesterdays_lines_make_room() -> None:
    crew = Crew(users={"telegram:2": Role.TRADER})
    for number in range(500):
        await crew.say(f"/set_risk {number % 90 + 5}.{number}", sent_at_ms=BEFORE + number)
    crew.clock.forward(DAY)
    await crew.say("/pause", sent_at_ms=BEFORE + DAY // 2)
    assert crew.arrivals.states().count("parked") == 1
    await crew.settle_down()
    assert lines(crew.mouths["telegram"].to("2")[-1]) == ["/pause"]
