"""The process under the desk: its end, its log, its jobs, its configuration; and the four states by name."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from command_kit import Talk, alarmed_desk, busy_desk, fields, order, page, rows

from bot.domain.order import OrderType, Purpose
from bot.domain.refusal import Refused
from bot.runtime.desk import JobView
from bot.runtime.log import LogLine
from handlers.process import Process
from handlers.standing import Standing
from handlers.upkeep import JobRunner, LogBook, Reload, Reloaded


@dataclass
class House:
    """What the composition root would lend."""

    ended: list[bool] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    result: str = "sent"
    reloaded: Reloaded = field(default_factory=Reloaded)

    async def end(self, again: bool) -> None:
        self.ended.append(again)

    async def run(self, job_id: str) -> JobView | Refused:
        self.ran.append(job_id)
        if job_id != "digest":
            return Refused("job", f"no job {job_id!r}; did you mean digest?")
        return JobView(
            "digest", "Daily digest", "08:00", 1_760_080_000_000, 1_760_000_300_000, 42.0, self.result
        )

    async def again(self, actor: str) -> Reloaded:
        self.asked.append(actor)
        return self.reloaded

    def lines(self, limit: int, level: str) -> tuple[LogLine, ...]:
        every = (
            LogLine("2025-10-09T08:58:00Z", "info", "bot.runtime.loop", "started", {}),
            LogLine("2025-10-09T08:59:00Z", "error", "cli.live", "broken", {"symbol": "BTCUSDT"}),
        )
        return tuple(one for one in every if level in ("info", one.level))[-limit:]

    def talk(self, user: str = "1") -> Talk:
        lent = (Process(self.end), JobRunner(self.run), LogBook(self.lines), Reload(self.again))
        return Talk(busy_desk(), user, context=lent)


@pytest.mark.parametrize("line,again", [("/shutdown", False), ("/restart", True)])
async def test_the_end_shows_what_stays_protected_and_then_begins(line: str, again: bool) -> None:
    house = House()
    talk = house.talk()
    card = await talk.say(line)
    assert fields(card)["Stays at the venue"] == "2 positions with their stops and targets"
    assert fields(card)["Cancelled"] == "1 entry order still working"
    assert [row["Confirmed"] for row in rows(card)] == ["yes", "yes"]
    assert not house.ended
    done = await talk.press(card, "Confirm")
    assert house.ended == [again]
    assert [(one.name, one.before) for one in done.changes] == [("process", "running")]


async def test_a_position_without_a_stop_is_named_before_the_end() -> None:
    talk = Talk(alarmed_desk(), context=(Process(House().end),))
    card = await talk.say("/shutdown")
    assert card.text.startswith("WITHOUT A CONFIRMED STOP: BTCUSDT.")


async def test_only_an_admin_ends_the_process_and_only_where_it_can_be_ended() -> None:
    house = House()
    assert not (await house.talk("2").say("/shutdown")).ok
    assert "cannot be ended from a chat" in (await Talk(busy_desk()).say("/restart")).text
    assert not house.ended


async def test_a_job_runs_now_and_says_how_it_went() -> None:
    house = House()
    reply = await house.talk().say("/run_job digest")
    assert house.ran == ["digest"]
    assert reply.title == "Daily digest has run"
    assert (fields(reply)["Result"], fields(reply)["Took"]) == ("sent", "42 ms")
    failed = await replace(house, result="failed: no route").talk().say("/run_job digest")
    assert failed.title == "Daily digest failed"
    wrong = await house.talk().say("/run_job digset")
    assert (wrong.ok, wrong.text) == (False, "job: no job 'digset'; did you mean digest?")


async def test_log_lines_come_newest_first_and_by_level() -> None:
    talk = House().talk()
    every = await talk.say("/logs")
    assert [row["Line"] for row in rows(every)] == ["broken symbol=BTCUSDT", "started"]
    assert rows(every)[0]["Time"] == "09 Oct 10:59:00 +02:00"
    errors = await talk.press(every, "Error")
    assert [row["Level"] for row in rows(errors)] == ["ERROR"]
    assert errors.in_place
    assert not (await House().talk("2").say("/logs")).ok


async def test_what_looks_like_a_key_is_masked_in_a_log_line_too() -> None:
    secret = "a1" * 20
    line = LogLine("2025-10-09T08:59:00Z", "info", "x", f"key {secret}", {"token": secret})
    talk = Talk(busy_desk(), context=(LogBook(lambda limit, level: (line,)),))
    assert secret not in page(await talk.say("/logs"), 400)


async def test_reload_tells_what_counts_now_and_what_later() -> None:
    found = Reloaded((("notices.off", "[]", "[entry]"),), (("venue.name", "binance", "bybit"),))
    house = House(reloaded=found)
    reply = await house.talk().say("/reload")
    assert house.asked == ["test:1"]
    assert [row["Counts"] for row in rows(reply)] == ["now", "after a restart"]
    assert "Needs a restart: venue.name" in reply.text
    assert [(one.name, one.before, one.after) for one in reply.changes] == [("notices.off", "[]", "[entry]")]


async def test_reload_of_a_faulty_file_changes_nothing_and_lists_the_faults() -> None:
    house = House(reloaded=Reloaded(problems=("config.yaml: limits.max_positions: must be 0 to 500",)))
    reply = await house.talk().say("/reload")
    assert not reply.ok
    assert rows(reply) == [{"Problem": "config.yaml: limits.max_positions: must be 0 to 500"}]
    assert "Nothing was changed" in reply.text


async def test_reload_without_a_change_says_so() -> None:
    assert "nothing changed" in (await House().talk().say("/reload")).text


# --- the four states ------------------------------------------------------------------------------------------------

NAMES = ["Trading", "pause", "stop_trading", "flatten", "shutdown"]


@pytest.mark.parametrize(
    "line", ["/status", "/status btc", "/status xrp", "/positions", "/risk", "/start", "/stop"]
)
async def test_status_like_replies_begin_with_the_states(line: str) -> None:
    for desk in (busy_desk(), replace(busy_desk(), positions=())):
        reply = await Talk(desk).say(line)
        assert [name for name, _ in reply.fields][:5] == NAMES, line


async def test_each_state_says_whether_it_holds_and_what_lifts_it() -> None:
    closing = order(Purpose.CLOSE)
    closing = replace(
        closing, intent=replace(closing.intent, type=OrderType.MARKET, quantity=Decimal("0.25"))
    )
    desk = replace(busy_desk(), stopped=True, paused_all=True, paused=("ETHUSDT",), working=(closing,))
    standing = Standing(lambda: "RESTARTING", lambda: ("XRPUSDT has no stop",))
    shown = fields(await Talk(desk, context=(standing,)).say("/status"))
    assert shown["pause"].startswith("ON for all; /resume lifts it. On their own: ETHUSDT")
    assert shown["stop_trading"] == "ON, kept over restarts; /start_trading lifts it"
    assert shown["flatten"] == "CLOSING NOW: BTCUSDT; ends when the venue confirms flat"
    assert shown["shutdown"] == "RESTARTING"
    assert shown["NOT ACKNOWLEDGED"] == "XRPUSDT has no stop; /ack"


async def test_nothing_holds_on_a_quiet_desk() -> None:
    shown = fields(await Talk(replace(busy_desk(), paused=())).say("/status"))
    assert [shown[name] for name in NAMES] == ["trading", "off", "off", "off", "off"]
