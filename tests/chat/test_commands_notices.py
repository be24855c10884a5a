"""/notify and /ack as people use them."""

import pytest
from chat_fakes import START_MS, Clock, MemoryEscalations, MemoryOutbox
from command_kit import Talk, busy_desk
from notice_kit import critical, queued

from bot.domain.notice import Notice
from bot.runtime.chat_ports import Escalation
from handlers.command import Role
from handlers.escalation import Crew, OnCall, Voice


def talk_with(*titles: str) -> tuple[Talk, list[Notice]]:
    """Somebody at a desk where these critical notices wait; what is told to others."""
    outbox, told = MemoryOutbox(queued(*(critical(title) for title in titles))), list[Notice]()
    book = MemoryEscalations(outbox)
    book.rows = {one.id: Escalation(one.id, START_MS, 0, START_MS) for one in outbox.queue}
    crew = Crew(roles=lambda: {"test:1": Role.ADMIN, "test:2": Role.TRADER})
    voice = Voice({}, Clock(), lambda: START_MS, told.append)
    return Talk(busy_desk(), context=(OnCall(crew, book, outbox, voice),)), told


async def test_one_number_is_acknowledged_and_the_others_hear_it() -> None:
    talk, told = talk_with("fire", "flood")
    listed = await talk.say("/ack")
    assert listed.title == "2 critical notices not acknowledged"
    assert listed.fields == (("No. 1", "fire"), ("No. 2", "flood"))
    assert [button.command_line for button in listed.buttons] == ["/ack 2", "/ack all"]
    done = await talk.say("/ack 1")
    assert (done.title, done.fields) == ("Acknowledged: 1 critical notice", (("No. 1", "fire"),))
    assert [(one.to, one.title) for one in told] == [("test:2", "Acknowledged by Ann (test:1): fire")]
    assert talk.audit.drafts[-1].changes == "notice 1: open -> acknowledged"
    assert (await talk.say("/ack 1")).title == "Nothing to acknowledge"
    assert (await talk.say("/ack all")).fields == (("No. 2", "flood"),)
    assert (await talk.say("/ack")).text == "Every critical notice has been acknowledged."


@pytest.mark.parametrize("word", ["0", "-1", "x", "1.5", "9" * 40, "²"])
async def test_what_is_no_number_is_refused_or_finds_nothing(word: str) -> None:
    talk, told = talk_with("fire")
    reply = await talk.say(f"/ack {word}")
    assert not reply.ok or reply.title == "Nothing to acknowledge"
    assert told == []


async def test_quiet_hours_and_detail_are_wishes_of_one_person() -> None:
    talk, _ = talk_with()
    assert (await talk.say("/notify hours 22:00-07:00")).fields == (("Quiet hours", "22:00-07:00"),)
    assert (await talk.say("/notify detail short")).fields == (("Details", "short"),)
    assert (await talk.say("/notify")).fields == (("Quiet hours", "22:00-07:00"), ("Details", "short"))
    assert (await talk.say("/notify hours off")).fields == (("Quiet hours", "off"),)


@pytest.mark.parametrize(
    "line,said",
    [
        ("/notify hours 25:00-07:00", "from-to such as 22:00-07:00, or off"),
        ("/notify hours quiet", "from-to such as 22:00-07:00, or off"),
        ("/notify detail on", "full or short"),
        ("/notify exit short", "on, off or quiet"),
        ("/notify all 22:00-07:00", "on, off or quiet"),
        ("/notify exti off", "There are no such notices"),
    ],
)
async def test_a_wish_that_makes_no_sense_is_refused_with_what_does(line: str, said: str) -> None:
    talk, _ = talk_with()
    reply = await talk.say(line)
    assert not reply.ok
    assert said in reply.text


async def test_without_a_wish_there_are_buttons() -> None:
    talk, _ = talk_with()
    reply = await talk.say("/notify hours")
    assert [button.command_line for button in reply.buttons] == [
        "/notify hours 22:00-07:00",
        "/notify hours off",
    ]
