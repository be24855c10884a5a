"""Discord's face and the real library against Discord on loopback, which is strict about time, limits and logins."""

import asyncio
import threading

import pytest
from chat_fakes import Chat
from discord.gateway import KeepAliveHandler
from face_kit import (
    ASKS,
    FILE,
    HOSTILE,
    PLOT,
    PNG,
    answering,
    discord_house,
    hostile_reply,
    many_buttons,
    until,
)

from handlers.platforms.discord import chat as discord_chat
from handlers.platforms.discord.budget import AT_ONCE, GAP_S, LoginBudget, TooManyLogins
from handlers.reply import Button, Reply
from handlers.request import ChatKind, Request, RequestKind
from handlers.speaker import PlatformDown
from sandbox.chat.discord.people import NoAnswer


async def test_slash_confirm_in_place(chat: Chat) -> None:
    async with discord_house(chat) as house:
        house.ann.slash(house.channel, "close", {"symbol": "xrp", "percent": 50.0})
        card = await house.ann.answer()
        assert "Close XRPUSDT?" in card.text
        await until(lambda: house.heard.placed)
        assert house.heard.placed == [(card.id, ("Confirm", "Cancel"))]
        house.ann.press(house.channel, "Confirm")
        after = await house.ann.answer()
        assert (after.id, after.labels) == (card.id, ())
        assert "Closed XRPUSDT" in after.text
        assert await house.ann.completes(house.channel, "status", "symbol", "eth") == ("ETHUSDT",)
    assert len(chat.desk.done) == 1


async def test_refusals_and_strangers(chat: Chat) -> None:
    async with discord_house(chat) as house:
        house.ann.slash(house.channel, "set_risk", {"amount": 999.0})
        card = await house.ann.answer()
        assert not card.ephemeral
        house.eve.slash(house.channel, "status")
        with pytest.raises(NoAnswer):
            await house.eve.answer(timeout_s=0.5)
        house.eve.press(house.channel, "Confirm")
        with pytest.raises(NoAnswer):
            await house.eve.answer(timeout_s=0.5)
    assert chat.desk.done == []


async def test_a_replayed_interaction_acts_once(chat: Chat) -> None:
    async with discord_house(chat) as house:
        interaction = house.ann.slash(house.channel, "pause")
        await house.ann.answer()
        house.ann.again(interaction)
        await asyncio.sleep(0.2)
    assert chat.desk.done == [("pause", "")]


async def test_an_old_interaction_after_a_resume_is_not_run(chat: Chat) -> None:
    async with discord_house(chat) as house:
        house.world.gateway.drop(4000)
        house.ann.slash(house.channel, "pause")  # nobody listens: it is replayed to whoever resumes
        chat.clock.forward(300_000)
        house.skipped[0] += 10
        await until(lambda: ("pause", "stale") in chat.audit.outcomes)
        await asyncio.sleep(0.1)
        assert len(house.ann.failures) == 1
        assert house.ann.sees(house.channel) == []
    assert chat.desk.done == []


async def test_a_box_asks_and_its_answer_arrives(chat: Chat) -> None:
    heard: list[Request] = []
    async with discord_house(chat, answering(Reply("Done"), heard)) as house:
        await house.face.say("55", Reply("Proposal 7", buttons=(ASKS,)))
        house.ann.press(house.channel, "Refuse")
        assert (await house.ann.answer()).text == "Reason"
        assert heard == []
        house.ann.submit({"Reason": "too risky"})
        assert "Done" in (await house.ann.answer()).text
        assert (heard[0].kind, heard[0].button, heard[0].text) == (RequestKind.MODAL, "a" * 32, "too risky")
        house.eve.press(house.channel, "Refuse")
        with pytest.raises(NoAnswer):
            await house.eve.answer(timeout_s=0.3)


async def test_an_expected_answer_gets_a_box(chat: Chat) -> None:
    heard: list[Request] = []
    async with discord_house(chat, answering(Reply("Code?", expects="Code"), heard)) as house:
        house.ann.slash(house.channel, "status")
        assert (await house.ann.answer()).labels == ("Answer: Code",)
        house.ann.press(house.channel, "Answer: Code")
        await house.ann.answer()
        house.ann.submit({"Code": "123456"})
        await house.ann.answer()
        assert (heard[-1].kind, heard[-1].text) == (RequestKind.TEXT, "123456")


async def test_menus_press_what_was_chosen(chat: Chat) -> None:
    heard: list[Request] = []
    async with discord_house(chat, answering(Reply("Done"), heard)) as house:
        await house.face.say("55", Reply("Which?", buttons=many_buttons(60)))
        house.ann.choose(house.channel, "S51USDT")
        await house.ann.answer()
        assert heard[0].button == f"{51:032}"


async def test_direct_messages_are_known_by_the_person(chat: Chat) -> None:
    heard: list[Request] = []
    async with discord_house(chat, answering(Reply("Done"), heard)) as house:
        ack = (Button("Acknowledge", "/ack 1", id="1" * 32),)
        message = await house.face.say("9", Reply("Stop missing", buttons=ack), silent=True)
        assert house.heard.placed == [(message, ("Acknowledge",))]
        house.ann.press(house.ann.private, "Acknowledge")
        await house.ann.answer()
        assert (heard[0].chat_id, heard[0].chat_kind, heard[0].message_id) == ("9", ChatKind.PRIVATE, message)
        await house.face.amend("9", message, Reply("Stop missing", text="Ann has it."))
        seen = next(one for one in house.ann.sees(house.ann.private) if one.id == message)
        assert (seen.labels, "Ann has it." in seen.text) == ((), True)
        await house.face.amend("9", "12345", Reply("gone, so anew"))
        assert "gone, so anew" in house.ann.sees(house.ann.private)[-1].text


async def test_pictures_files_and_private_ones(chat: Chat) -> None:
    async with discord_house(chat, answering(Reply("PnL", plot=PLOT, file=FILE))) as house:
        house.ann.slash(house.channel, "status")
        seen = await house.ann.answer()
        assert set(seen.files.values()) == {PNG, FILE.content}
        house.face.handle = answering(Reply("Scan this", image=PNG, private=True))
        house.ann.slash(house.channel, "status")
        assert (await house.ann.answer()).ephemeral


async def test_a_slow_answer_edits_the_original(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord_chat, "_ANSWER_WITHIN_S", 0.05)
    slow = asyncio.Event()

    async def handle(request: Request) -> Reply | None:
        await slow.wait()
        return Reply("Done at last")

    async with discord_house(chat, handle) as house:
        interaction = house.ann.slash(house.channel, "status")
        await until(lambda: interaction.answered is not None)
        slow.set()
        assert "Done at last" in (await house.ann.answer()).text
        assert len([one for one in house.ann.sees(house.channel) if one.author != "ann"]) == 1


async def test_a_secret_never_takes_the_place_of_an_open_wait(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_chat, "_ANSWER_WITHIN_S", 0.05)
    slow = asyncio.Event()

    async def handle(request: Request) -> Reply | None:
        await slow.wait()
        return Reply("Scan this", private=True)

    async with discord_house(chat, handle) as house:
        interaction = house.ann.slash(house.channel, "status")
        await until(lambda: interaction.answered is not None)
        slow.set()
        await until(lambda: any("Scan" in one.text for one in house.ann.sees(house.channel)))
        assert not any("Scan" in one.text for one in house.eve.sees(house.channel))


async def test_after_fifteen_minutes_the_outcome_goes_into_the_channel(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_chat, "_ANSWER_WITHIN_S", 0.05)
    slow = asyncio.Event()

    async def handle(request: Request) -> Reply | None:
        await slow.wait()
        return Reply("Flat at last")

    async with discord_house(chat, handle) as house:
        interaction = house.ann.slash(house.channel, "status")
        await until(lambda: interaction.answered is not None)
        house.skipped[0] += 1000
        slow.set()
        await until(lambda: any("Flat at last" in one.text for one in house.ann.sees(house.channel)))


async def test_away_is_away(chat: Chat) -> None:
    async with discord_house(chat) as house:
        assert await house.face.say("404", Reply("nowhere")) == ""
        house.face._client = None
        with pytest.raises(PlatformDown):
            await house.face.say("55", Reply("x"))


async def test_hostile_texts_are_taken_by_the_strict_server(chat: Chat) -> None:
    async with discord_house(chat) as house:
        for number, text in enumerate(long[:1200] for long in HOSTILE):
            channel = house.world.world.add_channel(house.guild, f"hostile-{number}")
            assert await house.face.say(channel.id, hostile_reply(text)) != "", text
            assert any("ok" in one.labels for one in house.ann.sees(channel)), text
        pinged = [
            m for c in house.world.world.channels.values() for m in c.messages if getattr(m, "pings", ())
        ]
        assert pinged == []


def test_logins_are_counted() -> None:
    now = [0.0]
    budget = LoginBudget(lambda: now[0])
    done: list[float] = []
    while now[0] < 24 * 3600:
        try:
            budget.spend()
        except TooManyLogins as spent:
            now[0] += spent.wait_s
        else:
            done.append(now[0])
    assert done[:AT_ONCE] == [0.0] * AT_ONCE
    assert done[AT_ONCE] == GAP_S
    assert AT_ONCE < len([at for at in done if at < 3600]) <= 50
    assert len(done) < 1000


async def test_a_loop_of_logins_is_slowed_down(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    async with discord_house(chat) as house:
        for _ in range(AT_ONCE - house.face.budget().spent):
            house.face.budget().spend()
        await house.face._client.close()  # type: ignore[union-attr]
        await until(lambda: "too many logins" in caplog.text)
        assert house.face.budget().spent == AT_ONCE
        await until(lambda: not [one for one in threading.enumerate() if isinstance(one, KeepAliveHandler)])


async def test_commands_are_offered_in_direct_messages_too(chat: Chat) -> None:
    async with discord_house(chat) as house:
        house.ann.slash(house.ann.private, "status")
        assert "Status" in (await house.ann.answer()).text
        house.eve.slash(house.eve.private, "status")
        refused = await house.eve.answer()
        assert "Status" not in refused.text
        house.eve.slash(house.eve.private, "status")
        with pytest.raises(NoAnswer):
            await house.eve.answer(timeout_s=0.3)
        assert "status" in house.ann.offered(house.channel)
    places = [(draft.chat_id, draft.outcome) for draft in chat.audit.drafts]
    assert places[:2] == [("9", "ok"), ("666", "denied")]
