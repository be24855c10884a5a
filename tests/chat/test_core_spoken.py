"""What leaves and what must not: origins, settled updates, secrets, progress, hostile letters, things said unasked."""

import asyncio
import json
from typing import cast

import pytest
from chat_fakes import SYMBOLS
from desk_core_kit import Crew, Mouth

from bot.domain.command import Change, Command, Done, Pause
from bot.runtime.chat_ports import ArrivalState
from bot.runtime.desk import Desk
from bot.runtime.redaction import Redactor
from handlers.asked_desk import AskedDesk, asked_desk
from handlers.command import Actor, Role, command
from handlers.outgoing import redacted
from handlers.progress import Progress
from handlers.reply import Attachment, BarPlot, Button, Column, Reply, Table
from handlers.request import ChatKind
from handlers.voice import Voice

GROUP = {"chat_kind": ChatKind.GROUP, "chat_id": "-100"}
PLANTED = "planted-secret-of-the-house"
TOKEN = "123456789:" + "AAfake_fake_fake_fake_fake_fake_fak"
EXCHANGE_KEY = "Fake0" * 9


def got(reply: Reply | None) -> Reply:
    assert reply is not None
    return reply


# --- origins --------------------------------------------------------------------------------------------------------


class Executing:
    """A desk that notes by which update it was commanded."""

    def __init__(self) -> None:
        self.origins: list[tuple[str, str]] = []
        self.about = "about"

    async def execute(self, command: Command, actor: str, origin: str = "") -> Done:
        self.origins.append((actor, origin))
        return Done()


@command(area="trade", role=Role.TRADER)
async def act(desk: Desk, actor: Actor) -> Reply:
    """Command the desk."""
    await desk.execute(Pause("XRPUSDT"), actor.id)
    return Reply("Acted")


async def test_every_command_carries_the_update_that_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    crew, desk = Crew(more=(act,)), Executing()
    monkeypatch.setattr(crew.desk, "execute", desk.execute, raising=False)
    await crew.reply("/act", update_id="u77")
    await crew.reply("/act", update_id="")
    assert desk.origins == [("telegram:2", "telegram:u77"), ("telegram:2", "")]


async def test_a_second_persons_press_is_the_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    crew, desk = Crew(more=(act,), two=("act",)), Executing()
    monkeypatch.setattr(crew.desk, "execute", desk.execute, raising=False)
    card = await crew.reply("/act", **GROUP)
    waits = got(await crew.press(card, "Confirm", **GROUP))
    await crew.press(waits, "Confirm", "4", update_id="u99", **GROUP)
    assert desk.origins == [("telegram:2", "telegram:u99")]


def test_the_asked_desk_is_the_desk_in_all_else() -> None:
    whole = cast(Desk, Executing())
    asked = asked_desk(whole, "telegram:1")
    assert isinstance(asked, AskedDesk)
    assert asked.about == "about"
    assert asked_desk(whole, "") is whole


async def test_updates_are_settled_when_they_are_over() -> None:
    crew = Crew()
    await crew.reply("/status", update_id="a")
    await crew.reply("/nonsense", update_id="b")
    await crew.reply("/config", update_id="c")
    await crew.say("/status", update_id="a")
    await crew.say("/status", "666", update_id="d")
    await crew.say("/close xrp", update_id="e", sent_at_ms=crew.clock.now_ms - 3_600_000)
    await crew.say("/close xrp", update_id="f", edited=True)
    card = await crew.reply("/close xrp", update_id="g")
    await crew.press(card, "Confirm", update_id="h")
    ended = {key for (_, key), row in crew.arrivals.rows.items() if row.state is ArrivalState.ENDED}
    assert ended == set("abcegh")
    assert set(crew.arrivals.rows) == {("telegram", key) for key in "abcegh"}


# --- secrets --------------------------------------------------------------------------------------------------------


@pytest.fixture
def house() -> Crew:
    """A dispatcher that knows one secret."""
    return Crew(redact=Redactor([PLANTED]))


@pytest.mark.parametrize("secret", [PLANTED, TOKEN, EXCHANGE_KEY])
@pytest.mark.parametrize("line", ["{}", "/note xrp {}", "/{}", "/panic_close now {}", "my key is {} ok?"])
async def test_a_secret_that_somebody_sends_is_not_taken(house: Crew, secret: str, line: str) -> None:
    said = await house.reply(line.format(secret))
    assert (said.title, said.take_back, said.ok) == ("That looks like a key", True, False)
    assert house.desk.done == []
    assert secret not in house.kept_words
    assert secret not in json.dumps(said.to_json())
    assert (house.last.command, house.last.outcome) == ("[secret]", "refused")


async def test_nor_in_forms_dialogs_and_expected_texts(house: Crew) -> None:
    assert got(await house.form("note", symbol="xrp", text=TOKEN)).take_back
    said = await house.reply("/note xrp")
    assert got(await house.modal(said, "Type the text", TOKEN)).take_back
    assert (await house.reply(TOKEN)).take_back
    assert house.desk.done == []
    assert TOKEN not in house.kept_words


async def test_late_ones_are_told_too(house: Crew) -> None:
    said = got(await house.say(f"/note xrp {TOKEN}", sent_at_ms=house.clock.now_ms - 3_600_000))
    assert said.take_back
    assert TOKEN not in house.kept_words


async def test_in_a_group_only_the_crew_is_warned(house: Crew) -> None:
    assert got(await house.say(f"here: {TOKEN}", **GROUP)).take_back
    assert await house.say(f"here: {TOKEN}", "666", **GROUP) is None
    assert await house.say(f"here: {TOKEN}", chat_kind=ChatKind.GROUP, chat_id="-999") is None
    assert TOKEN not in house.kept_words


@command(area="desk", role=Role.VIEWER)
async def leak(desk: Desk) -> Reply:
    """Says what it should not, everywhere it can."""
    return leaking(PLANTED)


def leaking(secret: str) -> Reply:
    return Reply(
        f"a {secret}",
        fields=((f"b {secret}", f"c {secret}"),),
        table=Table((Column(f"d {secret}"),), ((f"e {secret}",),)),
        text=f"f {secret}",
        plot=BarPlot((f"g {secret}",), (), f"h {secret}"),
        file=Attachment(f"i {secret}.csv", f"j;{secret}\n".encode()),
        buttons=(Button(f"k {secret}", "/status"), Button("l", f"/status {secret}")),
    )


async def test_nothing_that_is_said_holds_a_secret() -> None:
    crew = Crew(redact=Redactor([PLANTED]), more=(leak,))
    said = await crew.reply("/leak")
    assert PLANTED not in repr(said)
    assert said.title == "a ***"
    assert [button.label for button in said.buttons] == ["k ***"]
    await crew.dispatcher.push("telegram", "2", Role.TRADER, leaking(PLANTED))
    assert PLANTED not in repr(crew.mouths["telegram"].said)
    assert got(crew.mouths["telegram"].to("2")[0]).buttons[0].id


@command(area="desk", role=Role.VIEWER)
async def blab(desk: Desk, progress: Progress) -> Reply:
    """Tells a secret as progress and as a change."""
    await progress.show(Reply(f"working with {PLANTED}"))
    return Reply("Done", changes=(Change("key", "none", PLANTED),))


async def test_nor_does_progress_or_the_audit() -> None:
    crew = Crew(redact=Redactor([PLANTED]), more=(blab,))
    await crew.reply("/blab")
    await crew.rest()
    assert [reply.title for reply in crew.mouths["telegram"].to("2")] == ["working with ***"]
    assert crew.last.changes == "key: none -> ***"


def test_a_picture_file_is_left_alone() -> None:
    png = Attachment("p.png", b"\x89PNG\xff\xfe" + PLANTED.encode(), "image/png")
    assert redacted(Reply("x", file=png), Redactor(["other"])).file == png


# --- progress -------------------------------------------------------------------------------------------------------


class Beats:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Event] = []
        self.asked: list[float] = []

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self.asked.append(seconds)
        self.waiting.append(event)
        await event.wait()

    async def beat(self) -> None:
        for event in self.waiting:
            event.set()
        self.waiting = []
        for _ in range(10):
            await asyncio.sleep(0)


async def test_progress_is_one_message_changed_once_a_second_at_most() -> None:
    mouth, beats = Mouth("telegram"), Beats()
    progress = Progress(Voice({"telegram": mouth}, str), "telegram", "2", beats.sleep)
    for percent in range(5):
        await progress.show(Reply(f"{percent} %"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert [reply.title for _, _, reply in mouth.said] == ["0 %"]
    assert mouth.amended == []
    await beats.beat()
    assert [reply.title for _, _, reply in mouth.amended] == ["4 %"]
    await beats.beat()
    await progress.show(Reply("done"))
    await beats.beat()
    assert [(chat, message, reply.title) for chat, message, reply in mouth.amended] == [
        ("2", "m0", "4 %"),
        ("2", "m0", "done"),
    ]
    assert len(mouth.said) == 1
    assert set(beats.asked) == {1.0}


async def test_progress_is_silent_where_nobody_can_be_told_and_survives_an_outage() -> None:
    beats = Beats()
    silent = Progress(Voice({}, str), "web", "page", beats.sleep)
    await silent.show(Reply("1 %"))
    mouth = Mouth("telegram", down=True)
    progress = Progress(Voice({"telegram": mouth}, str), "telegram", "2", beats.sleep)
    await progress.show(Reply("1 %"))
    await beats.beat()
    mouth.down = False
    await progress.show(Reply("2 %"))
    await beats.beat()
    assert [reply.title for _, _, reply in mouth.said] == ["2 %"]


@command(area="desk", role=Role.VIEWER)
async def long(desk: Desk, progress: Progress) -> Reply:
    """Takes a while."""
    await progress.show(Reply("half"))
    return Reply("whole")


async def test_a_handler_gets_the_progress_of_its_chat() -> None:
    crew = Crew(more=(long,))
    assert (await crew.reply("/long", **GROUP)).title == "whole"
    await crew.rest()
    assert [(chat, reply.title) for chat, _, reply in crew.mouths["telegram"].said] == [("-100", "half")]


# --- unasked --------------------------------------------------------------------------------------------------------


async def test_what_is_pushed_has_buttons_that_work() -> None:
    crew = Crew()
    reply = Reply(
        "While you were away", buttons=(Button("Run", "/close XRPUSDT"), Button("Config", "/config"))
    )
    assert await crew.dispatcher.push("telegram", "2", Role.TRADER, reply) == "m0"
    shown = crew.mouths["telegram"].to("2")[0]
    assert [button.label for button in shown.buttons] == ["Run"]
    assert got(await crew.press(shown, "Run")).title == "Close XRPUSDT?"
    assert await crew.dispatcher.push("web", "page", Role.TRADER, reply) == ""


# --- hostile letters ------------------------------------------------------------------------------------------------

HOSTILE = [
    "\u202egnp.txt",
    "a\x00b\x1b[31mred",
    "zero\u200bwidth\u2060joined\ufeff",
    "line\nFilled: 1,000 BTC\u2028next",
    "@everyone <!here> <@U1> <@123> @user",
    "[x](tg://user?id=1) `code` ```block``` *bold* _it_ <b>html</b> &amp;",
    "\ud800 alone",
    "\u3164\u115f\u2800",
    "Z" + "\u0301" * 400,
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_words_break_nothing_and_are_kept_in_one_clean_line(text: str) -> None:
    crew = Crew()
    for line in (f"/{text}", f"/close {text}", f"/note xrp {text}", text):
        await crew.say(line, user_name=text)
    for draft in crew.audit.drafts:
        for kept in (draft.command, draft.arguments, draft.changes, draft.user_id):
            assert kept.isprintable(), repr(kept)
    held = crew.desk.done
    assert all(item[1] in SYMBOLS and str(item[2]).isprintable() for item in held if isinstance(item, tuple))
