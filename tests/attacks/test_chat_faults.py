"""Platforms and people that repeat, replay, edit, race and lie: a command acts at most once, and only if it is meant.

The whole desk with its real libraries at the emulators, on a clock that jumps.
"""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from attack_house import CALM, AttackHouse, Discord, Ways, attack_house, worlds
from house_parts import in_virtual_time, until
from whole_house import market

from bot.domain.notice import NoticeKind, Severity
from sandbox.chat.discord.people import NoAnswer
from sandbox.chat.troubles import Trouble

pytestmark = pytest.mark.filterwarnings("ignore:.*send_heartbeat:pytest.PytestUnraisableExceptionWarning")
FRAMES = [market(CALM)]
PATIENT = "notices: {acknowledge_s: 3600}\n"
OPEN = Ways(bars=2, config=PATIENT)
HOSTILE = (
    "@everyone @here <!channel> <@9> <@&44> <#55> <!here>",
    "*b* _i_ `c` ```x``` [a](http://evil.example) <b>h</b> &amp; ||s||",
    "x\n🔴 Panic close of everything\nNow flat, verified with the venue.",
    "\u202egnp.exe \u2066x\u2069 \x00\x1b[31m",
)


def is_open(house: AttackHouse) -> bool:
    """Whether there is a position."""
    return bool(house.house.desk.status().positions)


def what_is_held(state: dict[str, Any]) -> list[list[str]]:
    """Position, plan and orders of every symbol."""
    return [symbol[:4] for symbol in state["symbols"]]


def lines_seen(person: Any) -> list[str]:
    """What the bot wrote to somebody at Telegram in private."""
    return [seen.text for seen in person.sees() if seen.by_bot]


# F82, F83, F84, F85: edited, old, delivered again, swallowed by a death


@pytest.mark.parametrize("asked_for", [True, False])
def test_an_old_message_that_is_edited_into_a_command_does_nothing(tmp_path: Path, asked_for: bool) -> None:
    """F82, also when the server still sends kinds that an older version has asked for."""

    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, OPEN) as house:
            telegram, before = house.telegram, house.state()
            for room in (telegram.ann.home, telegram.group):
                said = telegram.ann.says("/status", room)
                await telegram.ann.answer(said)
                if asked_for:
                    telegram.box.world.updates.allowed = ()
                telegram.ann.edits(said, "/panic_close now")
                await asyncio.sleep(20)
            message = house.slack.ann.dm("status")
            await asyncio.sleep(5)
            house.slack.ann.edits(message, "panic_close now")
            await asyncio.sleep(20)
            assert house.state() == before
            assert is_open(house)

    in_virtual_time(play)


def test_what_was_sent_while_the_desk_was_off_is_listed_with_panic_first_and_never_run(
    tmp_path: Path,
) -> None:
    """F83"""

    async def play() -> None:
        async with worlds() as there:
            async with attack_house(tmp_path, FRAMES, OPEN, there) as house:
                telegram = house.telegram
                await telegram.ann.answer(telegram.ann.says("/status"))
                assert is_open(house)
                before = house.state()
            telegram.ann.says("/close XRPUSDT")
            telegram.ann.says("/start_trading")
            telegram.ann.says("/panic_close now")
            await asyncio.sleep(6 * 3600)
            async with attack_house(tmp_path, FRAMES, Ways(config=PATIENT), there) as house:
                await until(
                    lambda: any("/panic_close" in text for text in lines_seen(house.telegram.ann)), 60
                )
                await asyncio.sleep(120)
                assert is_open(house)
                assert what_is_held(house.state()) == what_is_held(before)
                lists = [
                    seen for seen in house.telegram.ann.sees() if seen.by_bot and "/panic_close" in seen.text
                ]
                assert len(lists) == 1
                text = lists[0].text
                assert (
                    text.index("/panic_close") < text.index("/close XRPUSDT") < text.index("/start_trading")
                )
                assert lists[0].buttons, "to run or to discard"

    in_virtual_time(play)


def test_the_same_update_acts_once_even_for_the_next_process(tmp_path: Path) -> None:
    """F84: delivered again at once, after the act, and to the process that was started after a death."""

    async def play() -> None:
        async with worlds() as there:
            telegram = there[0]
            async with attack_house(tmp_path, FRAMES, OPEN, there) as house:
                state = house.house.engine.state
                said = telegram.ann.says("/panic_close now")
                assert said.update_id is not None
                telegram.box.people.delivers_again(said.update_id)
                await until(lambda: not is_open(house), 20)
                telegram.box.people.delivers_again(said.update_id)
                await asyncio.sleep(30)
                receipts = [text for text in lines_seen(telegram.ann) if "Time to flat" in text]
                assert len(receipts) == 1
                count = state.order_count
            async with attack_house(tmp_path, FRAMES, Ways(config=PATIENT), there) as house:
                telegram.box.people.delivers_again(said.update_id)
                await asyncio.sleep(30)
                assert house.house.engine.state.order_count == count
                assert len([text for text in lines_seen(telegram.ann) if "Time to flat" in text]) == 1

    in_virtual_time(play)


def test_a_command_that_died_with_the_process_is_named_to_its_asker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F85: taken from the provider and noted, never acted on; the next start says so and runs nothing."""

    async def play() -> None:
        async with worlds() as there:
            telegram = there[0]
            async with attack_house(tmp_path, FRAMES, OPEN, there) as house:
                runner = type(house.house.dispatcher._runner)

                async def dies(*_: object) -> None:
                    await asyncio.Event().wait()

                with monkeypatch.context() as broken:
                    broken.setattr(runner, "run", dies)
                    broken.setattr(runner, "preview", dies)
                    telegram.ann.says("/close_all")
                    await asyncio.sleep(5)
            await asyncio.sleep(10)
            async with attack_house(tmp_path, FRAMES, Ways(config=PATIENT), there) as house:
                await until(lambda: any("/close_all" in text for text in lines_seen(telegram.ann)), 60)
                await asyncio.sleep(30)
                assert is_open(house)

    in_virtual_time(play)


# F90, F91: Discord


def test_an_interaction_that_was_answered_too_late_is_told_another_way_and_done_once(tmp_path: Path) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, OPEN) as house:
            discord = house.discord
            discord.box.troubles.arm(Trouble("POST interactions/*", times=1, delay_s=4))
            discord.ann.slash(discord.channel, "panic_close", {"now": True})
            with pytest.raises(NoAnswer):
                await discord.ann.answer()
            await until(lambda: not is_open(house), 20)
            told = lambda: [one.text for one in discord.ann.sees(discord.channel)]  # noqa: E731
            await until(lambda: any("Time to flat" in text for text in told()), 120)

    in_virtual_time(play)


def unsent(discord: Discord, name: str, options: dict[str, object]) -> dict[str, Any]:
    """The event of a slash command that Discord has kept back."""
    kept: list[dict[str, Any]] = []
    world = discord.box.world
    publish, world.publish = world.publish, lambda kind, body, guild: kept.append(body)
    discord.ann.slash(discord.channel, name, options)
    world.publish = publish
    return kept[-1]


def test_a_resume_that_replays_an_old_close_does_not_close(tmp_path: Path) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, OPEN) as house:
            discord, before = house.discord, house.state()
            old = [
                unsent(discord, "panic_close", {"now": True}),
                unsent(discord, "close", {"symbol": "XRPUSDT"}),
            ]
            await asyncio.sleep(150)
            for body in old * 2:
                discord.box.delivers("INTERACTION_CREATE", body)
            await asyncio.sleep(30)
            assert house.state() == before
            assert is_open(house)

    in_virtual_time(play)


def test_a_resume_delivers_what_was_missed_and_it_is_done_once(tmp_path: Path) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, OPEN) as house:
            discord = house.discord
            discord.box.gateway.drop(4000)
            discord.ann.slash(discord.channel, "panic_close", {"now": True})
            assert discord.ann.last is not None
            await until(lambda: discord.box.gateway.resumed, 120)
            for _ in range(3):
                discord.box.delivers("INTERACTION_CREATE", discord.ann.last.payload)
            await until(lambda: not is_open(house), 60)
            await asyncio.sleep(30)
            receipts = [one for one in discord.ann.sees(discord.channel) if "Time to flat" in one.text]
            assert len(receipts) == 1

    in_virtual_time(play)


def test_a_lost_session_and_a_loop_of_logins_spend_no_token(tmp_path: Path) -> None:
    """F91: op 9 again and again for half an hour; afterwards a command is answered."""

    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, OPEN) as house:
            discord, loop = house.discord, asyncio.get_running_loop()
            until_s = loop.time() + 1800
            while loop.time() < until_s:
                discord.box.gateway.invalidate(resumable=False)
                await asyncio.sleep(15)
            assert len(discord.box.gateway.identified) <= 30, "a thousand a day would cost the token"
            await house.connected("discord", 1200)
            discord.ann.slash(discord.channel, "status")
            assert "Status" in (await discord.ann.answer()).text

    in_virtual_time(play)


# Slack: late, retried, refreshed


def test_slack_deliveries_that_come_again_act_once_and_a_refresh_loses_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, OPEN) as house:
            slack = house.slack
            slack.ann.dm("panic_close now")
            assert slack.ann.last is not None
            for _ in range(3):
                slack.ann.again(slack.ann.last)
            slack.box.mode.drop()  # unacknowledged: Slack sends it once more
            await until(lambda: not is_open(house), 400)
            await asyncio.sleep(600)
            receipts = [one for one in slack.ann.sees(slack.ann.private) if "Time to flat" in one.text]
            assert len(receipts) == 1
            for _ in range(3):
                slack.box.mode.refresh()
                await asyncio.sleep(20)
                slack.ann.dm("status")
                assert "Status" in (await slack.ann.answer()).text
            assert slack.box.calls.statuses(429) == []

    in_virtual_time(play)


# F92: races for a confirmation


def test_of_two_presses_at_once_one_counts_and_another_persons_never(tmp_path: Path) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, OPEN) as house:
            telegram = house.telegram
            said = telegram.ann.says("/close XRPUSDT", telegram.group)
            card = await telegram.ann.answer(said)
            label = next(one for one in card.buttons if "onfirm" in one)
            before = house.house.engine.state.order_count
            for person in (telegram.bea, telegram.eve, telegram.vic):
                person.presses(label, telegram.group, card.message_id)
            await asyncio.sleep(3)
            assert house.house.engine.state.order_count == before
            presses = [telegram.ann.presses(label, telegram.group, card.message_id) for _ in range(5)]
            await until(lambda: not is_open(house), 20)
            await asyncio.sleep(10)
            closes = house.house.engine.state.order_count - before
            assert closes == 1, closes
            assert all(press.answered for press in presses)

    in_virtual_time(play)


@pytest.mark.parametrize("how", ["expired", "bigger"])
def test_a_card_that_is_too_old_or_no_longer_true_closes_nothing(tmp_path: Path, how: str) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, OPEN) as house:
            telegram = house.telegram
            card = await telegram.ann.answer(telegram.ann.says("/close XRPUSDT"))
            label = next(one for one in card.buttons if "onfirm" in one)
            if how == "expired":
                await asyncio.sleep(31)
            else:  # another part of it is closed meanwhile by somebody else
                await house.type("/close XRPUSDT 50")
                await house.type("1")
                await asyncio.sleep(1)
            before = house.house.engine.state.order_count
            press = telegram.ann.presses(label, on=card.message_id)
            await asyncio.sleep(10)
            assert press.answered
            assert house.house.engine.state.order_count == before
            assert is_open(house)

    in_virtual_time(play)


# F93: hostile strings


def test_hostile_strings_ping_nobody_and_forge_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, OPEN) as house:
            telegram = house.telegram
            await asyncio.sleep(20)
            for number, text in enumerate(HOSTILE):
                stranger = telegram.box.people.person(900 + number, text, f"eve{number}")
                seen = await stranger.answer(stranger.says("/status"))
                stranger.presses(seen.buttons[0])
                fields = ((text, text), ("size", text))
                await house.tell(text, Severity.CRITICAL, NoticeKind.ORDER_REJECTED, fields=fields)
                house.discord.ann.slash(house.discord.channel, "note", {"symbol": "XRPUSDT", "text": text})
                house.slack.ann.dm(f"note XRPUSDT {text}")
                telegram.ann.says(f"/note XRPUSDT {text}")
                await asyncio.sleep(30)
            for line in ("/audit 100", "/logs 100", "/who"):
                telegram.bea.says(line)
                await asyncio.sleep(10)
            assert telegram.box.world.pings == []
            for channel in house.discord.box.world.channels.values():
                for message in channel.messages:
                    assert not message.pings.everyone, message.content
                    assert not message.pings.roles, message.content
                    assert not message.pings.users, message.content
            rooms = house.slack.box.world.channels.values()
            by_app = [
                one for room in rooms for one in room.messages if one.user_id == house.slack.box.world.bot.id
            ]
            assert by_app
            assert not [one.pings for one in by_app if one.pings]
            forged = "Now flat, verified with the venue."
            texts = [text for person in (telegram.ann, telegram.bea) for text in lines_seen(person)]
            assert not [text for text in texts if forged in text.splitlines()]
            assert is_open(house)
            for platform in house.faces:
                assert house.box(platform).calls.statuses(400) == [], platform

    with caplog.at_level(logging.INFO):
        in_virtual_time(play)
    broken = [r for r in caplog.records if r.exc_info and r.levelno >= logging.ERROR]
    assert not broken, [r.getMessage() for r in broken]
