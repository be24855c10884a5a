"""Pauses, kill switches, halts, and the machine: what keeps entries away and whether all is well."""

from command_kit import Talk, alarmed_desk, busy_desk, empty_desk, fields, page, rows
from fakes_desk import FakeDesk

from bot.domain.command import KillNow, Pause, Reconcile, ResetKill, Resume, StopTrading, Unhalt
from bot.domain.notice import NoticeKind, Severity


async def test_pause_acts_at_once_and_says_what_goes_on() -> None:
    talk = Talk(busy_desk(), "2")
    reply = await talk.say("/pause btc")
    assert talk.desk.asked == [(Pause("BTCUSDT"), "test:2")]
    assert fields(reply) == {"entries on BTCUSDT": "allowed → paused"}
    assert reply.text == "Exits and protection go on. 2 open positions stay protected."


async def test_resume_tells_what_still_keeps_entries_away() -> None:
    desk = busy_desk()
    desk.stopped = True
    talk = Talk(desk)
    card = await talk.say("/resume eth")
    assert fields(card)["entries on ETHUSDT"] == "paused → allowed"
    assert "Trading is stopped as well: /start_trading." in card.text
    assert "ETHUSDT volatility until 09 Oct 11:10 +02:00, all drawdown until lifted" in card.text
    await talk.press(card, "Confirm")
    assert talk.desk.asked == [(Resume("ETHUSDT"), "test:1")]


async def test_resume_of_a_free_symbol() -> None:
    assert "Nothing else keeps entries away." in (await Talk(empty_desk()).say("/resume btc")).text


async def test_stop_trading_and_start_again() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/stop_trading")
    assert fields(card)["trading"] == "active → stopped"
    await talk.press(card, "Confirm")
    assert talk.desk.asked == [(StopTrading(), "test:1")]
    card = await talk.say("/start_trading")
    assert fields(card)["trading"] == "stopped → active"
    assert "Kill switches that stay: XRPUSDT fast" in card.text


async def test_stop_does_nothing_but_ask() -> None:
    talk = Talk(busy_desk())
    reply = await talk.say("/stop")
    assert reply.title == "Stop what? Nothing has been stopped."
    assert [button.command_line for button in reply.buttons] == [
        "/pause all",
        "/stop_trading",
        "/flatten",
        "/shutdown",
        "/panic_close",
    ]
    assert not talk.desk.asked


async def test_kill_shows_counters_against_their_limits() -> None:
    reply = await Talk(busy_desk()).say("/kill")
    row = rows(reply)[0]
    assert (row["State"], row["Losing run"], row["PF"], row["Trades"]) == (
        "ok",
        "2/8",
        "1.23 (min 0.75)",
        "6/15",
    )
    assert rows(reply)[2]["State"] == "KILLED fast"
    assert rows(reply)[2]["PF"] == "no loss (min 0.75)"
    assert reply.text == "Lifted 08 Oct 11:00 +02:00: ETHUSDT by test:1, “data gap fixed”"


async def test_a_reset_needs_a_reason() -> None:
    talk = Talk(busy_desk())
    assert "reason" in (await talk.say("/reset_kill xrp")).title
    card = await talk.say("/reset_kill xrp gap in the data, fixed")
    assert fields(card)["kill switch of XRPUSDT"] == "set (FAST) → not set"
    assert "Reason: gap in the data, fixed" in card.text
    await talk.press(card, "Confirm")
    assert talk.desk.asked == [(ResetKill("XRPUSDT", "gap in the data, fixed"), "test:1")]


async def test_kill_now_of_all() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/kill_now all")
    assert card.title == "Kill 2 symbols?"
    await talk.press(card, "Confirm")
    assert talk.desk.asked == [(KillNow(""), "test:1")]
    assert (await talk.say("/kill_now all")).text == "Every symbol is killed already; /reset_kill lifts it."


async def test_many_changes_become_a_table() -> None:
    desk = busy_desk()
    desk.halts = tuple(desk.halts[:1]) * 9
    card = await Talk(desk).say("/unhalt eth")
    assert fields(card) == {"Changes": "9"}
    assert len(rows(card)) == 9


async def test_halts_have_an_end_and_a_way_out() -> None:
    reply = await Talk(busy_desk()).say("/halts")
    assert rows(reply)[0]["Until"] == "09 Oct 11:10 +02:00 (in 10m)"
    assert rows(reply)[1]["Until"] == "until lifted"
    assert [button.command_line for button in reply.buttons[1:]] == ["/unhalt ETHUSDT", "/unhalt all"]


async def test_lifting_a_drawdown_halt_says_what_it_is_counted_from() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/unhalt all")
    assert "counted anew from the present equity" in card.text
    await talk.press(card, "Confirm")
    assert talk.desk.asked == [(Unhalt(""), "test:1")]
    assert (await talk.say("/unhalt xrp")).text == "No halt on XRPUSDT. Halted: ETHUSDT, all."


async def test_health_is_good_or_says_where_to_look() -> None:
    good, bad = await Talk(busy_desk()).say("/health"), await Talk(alarmed_desk()).say("/health")
    assert good.title == "Health · good"
    assert fields(good)["Per event"] == "0.12 ms median, 1.40 ms p99"
    assert fields(good)["Orders"] == "55 ms median, 1.2 s p99"
    assert fields(good)["Longest without a stop"] == "900 ms"
    assert bad.title == "Health · LOOK HERE"
    assert bad.severity is Severity.CRITICAL
    assert rows(bad) == [{"Symbol": "BTCUSDT", "Candle age": "2h"}]


async def test_schedule_says_when_each_job_runs() -> None:
    shown = rows(await Talk(busy_desk()).say("/schedule"))
    assert (shown[0]["Next run"], shown[0]["Took"]) == ("09 Oct 11:13 +02:00", "42 ms")
    assert (shown[1]["Next run"], shown[1]["Last run"]) == ("paused", "not yet")


async def test_notices_are_ones_own_and_kinds_are_checked() -> None:
    talk = Talk(busy_desk(), "3")
    reply = await talk.say("/notify exit quiet")
    assert talk.desk.wishes == {"exit": "quiet"}
    assert [(change.name, change.after) for change in reply.changes] == [("exit notices", "quiet")]
    assert rows(await talk.say("/notify"))[1] == {"Kind": "exit", "Setting": "quiet"}
    assert "There are no such notices" in (await talk.say("/notify exti off")).text
    await talk.say("/notify all off")
    assert set(talk.desk.wishes) == {kind.value for kind in NoticeKind}


async def test_audit_shows_who_changed_what() -> None:
    row = rows(await Talk(busy_desk()).say("/audit"))[0]
    assert (row["Who"], row["Command"], row["Changed"]) == ("test:1", "/set_risk 10", "sizing: a -> b")
    assert "empty" in (await Talk(empty_desk()).say("/audit")).text


async def test_config_by_the_beginning_of_its_keys() -> None:
    talk = Talk(busy_desk())
    assert [row["Key"] for row in rows(await talk.say("/config chat"))] == ["chat.telegram.token"]
    assert (await talk.say("/config nothing")).text.endswith("There are: chat, mode.")


async def test_live_is_named_real_money() -> None:
    reply = await Talk(FakeDesk(mode="live")).say("/mode")
    assert fields(reply)["Means"] == "REAL MONEY at the venue"
    assert reply.severity is Severity.CRITICAL


async def test_reconcile_says_whether_the_books_agree() -> None:
    talk = Talk(busy_desk(), "2")
    assert "The books agree with the venue." in page(await talk.say("/reconcile"))
    assert talk.desk.asked == [(Reconcile(), "test:2")]


async def test_viewers_cannot_change_anything() -> None:
    talk = Talk(busy_desk(), "3")
    for line in (
        "/pause",
        "/close btc",
        "/panic_close now",
        "/set_risk 5",
        "/halts",
        "/audit",
        "/set_limit a 1",
    ):
        assert not (await talk.say(line)).ok
    assert not talk.desk.asked
