"""Escalation: who hears of a critical notice when, until somebody answers; over outages and restarts."""

from dataclasses import replace

import pytest
from chat_fakes import START_MS, Clock, MemoryEscalations, MemoryOutbox
from notice_kit import Phone, Post, critical, notice, queued

from bot.domain.action import PLACES
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.ports import QueuedNotice
from handlers.command import Actor, Role
from handlers.escalation import Crew, EscalationRules, OnCall, Voice, listening
from handlers.lanes import Recipient
from handlers.notices import Courier, PlatformDown
from handlers.persons import Persons
from handlers.reply import Reply, refusal
from handlers.request import ChatKind, Request, RequestKind

ANN, ANN_D, BOB, CEM, VIV = "telegram:1", "discord:9", "telegram:2", "telegram:3", "telegram:4"
ROLES = {ANN: Role.ADMIN, ANN_D: Role.ADMIN, BOB: Role.TRADER, CEM: Role.TRADER, VIV: Role.VIEWER}
PERSONS = Persons({"ann": (ANN, ANN_D)})
TWO_MINUTES, TEN_MINUTES = 120_000, 600_000


class Night:
    """People on two platforms, their couriers, and a night that passes."""

    def __init__(self, *on_call: str, notices: tuple[Notice, ...] = ()) -> None:
        self.clock = Clock()
        self.outbox = MemoryOutbox(queued(*notices))
        self.book = MemoryEscalations(self.outbox)
        self.phones = {"telegram": Phone("telegram"), "discord": Phone("discord")}
        self.roles = dict(ROLES)
        self.on_call_users = on_call
        self.told: list[Notice] = []
        self.begin()

    def begin(self) -> None:
        """The process starts (again): only outbox and book remember."""
        crew = Crew(self.on_call_users, PERSONS, lambda: self.roles)
        voice = Voice(
            self.phones, self.clock, lambda: START_MS, self.told.append, lambda p, c, r, reply: reply
        )
        self.on_call = OnCall(crew, self.book, self.outbox, voice, EscalationRules())
        post = Post([], (), on_call=self.on_call, persons=PERSONS, dress=lambda p, c, r, reply: reply)
        post.office.outbox = self.outbox
        self.couriers = [
            Courier(phone, lambda name=name: self.people(name), post.office)  # type: ignore[misc]
            for name, phone in self.phones.items()
        ]

    def people(self, platform: str) -> tuple[Recipient, ...]:
        split = ((user, user.partition(":")[2], role) for user, role in self.roles.items())
        return tuple(Recipient(*one) for one in split if one[0].startswith(platform))

    def alarm(self, *titles: str) -> None:
        count = len(self.outbox.queue)
        self.outbox.queue += [
            QueuedNotice((count + number) * PLACES, "", critical(title))
            for number, title in enumerate(titles, 1)
        ]

    async def passes(self, ms: int = 0) -> list[tuple[str, str]]:
        """Time passes in steps of a second; who was told what meanwhile."""
        before = {name: len(phone.got) for name, phone in self.phones.items()}
        for _ in range(max(1, ms // 1000)):
            for courier in self.couriers:
                try:
                    await courier.deliver()
                except PlatformDown:
                    continue
            await self.on_call.look()
            self.clock.forward(1000)
        return [
            (f"{name}:{chat}", title)
            for name, phone in self.phones.items()
            for chat, title, _ in phone.got[before[name] :]
        ]

    async def users(self, ms: int = 0) -> list[str]:
        return [user for user, _ in await self.passes(ms)]


def actor(user: str, name: str = "") -> Actor:
    platform, _, number = user.partition(":")
    return Actor(platform, number, name, Role.TRADER)


async def test_the_first_on_call_hears_it_then_the_next_and_the_other_platform_then_all_traders() -> None:
    night = Night(ANN, BOB)
    night.alarm("fire")
    assert await night.passes() == [(ANN, "fire")]
    assert await night.passes(TWO_MINUTES - 2000) == []
    assert await night.passes(2000) == [
        (BOB, "Not acknowledged for 2m: fire"),
        (ANN_D, "Not acknowledged for 2m: fire"),
    ]
    assert sorted(await night.users(TWO_MINUTES)) == sorted([ANN, BOB, CEM, ANN_D])
    assert await night.users(TEN_MINUTES - 5000) == []
    assert len(await night.users(TEN_MINUTES * 5 + 10_000)) == 6 * 4, "six times in an hour"
    assert await night.users(TEN_MINUTES * 6) == []


async def test_without_anybody_on_call_all_hear_it_at_once_and_once_more() -> None:
    night = Night()
    night.alarm("fire")
    assert sorted(await night.users()) == sorted(ROLES)
    assert sorted(await night.users(TWO_MINUTES)) == sorted(ROLES)
    assert await night.users(TEN_MINUTES * 3) == []


async def test_who_acknowledges_ends_it_and_the_others_who_were_told_hear_who() -> None:
    night = Night(ANN, BOB)
    night.alarm("fire")
    await night.passes(TWO_MINUTES + 2000)
    done = await night.on_call.acknowledge(actor(BOB, "Bob"), 1)
    assert [one.notice_id for one, _ in done] == [PLACES]
    assert await night.users(TEN_MINUTES) == []
    assert [(told.to, told.title, told.severity) for told in night.told] == [
        (ANN, f"Acknowledged by Bob ({BOB}): fire", Severity.INFO)
    ]
    assert await night.on_call.acknowledge(actor(ANN), 1) == ()
    assert await night.on_call.open() == ()


async def test_any_button_of_the_message_counts_but_a_refused_press_does_not() -> None:
    night = Night(ANN)
    night.alarm("fire")
    await night.passes()
    answers = [refusal("Not for you"), Reply("Kills")]

    async def handle(request: Request) -> Reply:
        return answers.pop(0)

    heard = listening(handle, night.on_call)
    press = Request(
        "telegram",
        "1",
        "Ann",
        "1",
        ChatKind.PRIVATE,
        RequestKind.BUTTON,
        START_MS,
        button="b",
        message_id="m1",
    )
    await heard(press)
    assert len(await night.on_call.open()) == 1
    answers.insert(0, Reply("Status"))
    await heard(replace(press, message_id="m7"))
    await heard(replace(press, chat_id="2"))
    assert len(await night.on_call.open()) == 1
    answers.append(Reply("Kills"))
    await heard(press)
    assert await night.on_call.open() == ()


async def test_a_storm_of_critical_ones_shares_an_escalation() -> None:
    night = Night(ANN, BOB)
    night.alarm(*(f"fire {number}" for number in range(40)))
    assert [title for _, title in await night.passes()] == [f"fire {number}" for number in range(40)]
    later = await night.passes(TWO_MINUTES)
    assert sorted(user for user, _ in later) == sorted([BOB, ANN_D])
    assert {title for _, title in later} == {"40 critical notices, not acknowledged for up to 2m"}
    assert [button.command_line for button in night.phones["discord"].replies[-1].buttons] == ["/ack all"]
    assert len(await night.on_call.acknowledge(actor(ANN))) == 40
    assert await night.users(TEN_MINUTES) == []
    assert [told.to for told in night.told] == [BOB]


async def test_a_platform_that_is_down_is_skipped_at_once() -> None:
    night = Night(ANN, BOB)
    night.phones["telegram"].down_chats = {"1"}
    night.alarm("fire")
    assert await night.users(10_000) == [BOB, ANN_D]
    night.phones["telegram"].down_chats = set()
    assert (ANN, "fire") in await night.passes(3000), "who was first gets it as soon as it can be had"


async def test_who_has_blocked_the_bot_is_skipped_at_once() -> None:
    night = Night(ANN, BOB)
    night.phones["telegram"].blocked = {"1", "2"}
    night.alarm("fire")
    assert await night.users(10_000) == [ANN_D]
    night = Night(ANN, BOB, CEM)
    night.phones["telegram"].blocked = {"1", "2"}
    night.phones["discord"].blocked = {"9"}
    night.alarm("fire")
    assert await night.users(10_000) == [CEM], "nobody could be told on the way"


async def test_who_cannot_be_reached_in_the_middle_keeps_nobody_asleep() -> None:
    night = Night(ANN, BOB)
    night.alarm("fire")
    await night.passes()
    night.phones["discord"].down_for = 999
    night.phones["telegram"].down_chats = {"2"}
    assert await night.users(TWO_MINUTES) == [ANN, CEM]


async def test_it_goes_on_after_a_restart_where_it_was() -> None:
    night = Night(ANN, BOB)
    night.alarm("fire")
    await night.passes(60_000)
    night.begin()
    assert await night.users(55_000) == []
    assert sorted(await night.users(10_000)) == sorted([BOB, ANN_D])
    night.begin()
    assert await night.users(TWO_MINUTES - 15_000) == []
    assert len(await night.users(20_000)) == 4


async def test_who_has_lost_access_is_not_called() -> None:
    night = Night(ANN, BOB)
    del night.roles[ANN], night.roles[ANN_D]
    night.alarm("fire")
    assert await night.users() == [BOB]


async def test_what_is_for_one_person_or_not_critical_is_nobody_elses_business() -> None:
    night = Night(ANN, BOB, notices=(
        Notice(NoticeKind.ALERT, Severity.CRITICAL, START_MS, "yours", (), "", BOB), notice("entry"),
    ))  # fmt: skip
    assert sorted(title for _, title in await night.passes()) == sorted(["yours", *["entry"] * 5])
    assert await night.users(TEN_MINUTES) == []
    assert night.book.rows == {}


async def test_one_person_who_breaks_a_platform_keeps_nobody_asleep(caplog: pytest.LogCaptureFixture) -> None:
    night = Night(ANN, BOB)
    night.phones["discord"].breaks_on = "fire"
    night.alarm("fire")
    await night.passes()
    assert await night.users(TWO_MINUTES + 1000) == [BOB]
    assert "discord:9 cannot be told" in caplog.text
