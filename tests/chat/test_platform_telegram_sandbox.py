"""The desk's Telegram face against the strict sandbox: one conversation, nothing refused, nobody pinged."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chat_fakes import Chat
from drawings import drawn_by
from telegram_raw import START_MS, png, wall_ms
from virtual_loop import run_virtually

from bot.runtime.chat_ports import Arrival
from handlers.command import Role
from handlers.platforms.telegram import TelegramChat, TelegramSettings
from sandbox.chat.telegram import Person, TelegramSandbox


def face(chat: Chat, telegram: TelegramSandbox) -> TelegramChat:
    settings = TelegramSettings(
        telegram.token, {"1": Role.ADMIN, "9": Role.VIEWER}, telegram.base_url, telegram.base_file_url
    )
    drawing = drawn_by(lambda plot, dark: png())
    return TelegramChat(settings, chat.dispatcher.handle, chat.registry, drawing, chat.clock)


@asynccontextmanager
async def connected(chat: Chat, telegram: TelegramSandbox) -> AsyncIterator[None]:
    task = asyncio.create_task(face(chat, telegram).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def conversation() -> None:
    chat = Chat()
    async with TelegramSandbox(wall_ms) as telegram:
        boss, ann = telegram.people.person(1, "Boss"), telegram.people.person(2, "Ann", "ann_b")
        desk = telegram.people.supergroup(-200, "Desk", {7: "main"})
        async with connected(chat, telegram):
            await trade(ann)
            note = await ann.answer(ann.says("/note XRPUSDT <b>&@bobby *_[x](tg://user?id=1)"))
            assert "<b>&" in note.text
            assert (await ann.answer(ann.says("/status@deck_bot", desk, thread=7))).thread == 7
            assert ann.says("hello", desk, thread=7).update_id is None
            assert ("status", "Open positions and the state of the desk.") in boss.menu()
    assert telegram.world.pings == []
    refused = [(call.method, call.payload) for call in telegram.calls.rows if call.status not in (0, 200)]
    assert [method for method, _ in refused] == ["setMyCommands"], "chat 9 never wrote to the bot"
    assert telegram.calls.holding(telegram.token.encode()) == []


async def trade(ann: Person) -> None:
    status = await ann.answer(ann.says("/status"))
    assert status.text.startswith("Status")
    assert status.buttons == ("Refresh", "Close")
    card = await ann.answer(ann.presses("Close"), quiet_s=1)
    assert "Close XRPUSDT?" in card.text
    done = await ann.answer(ann.presses(card.buttons[0]), quiet_s=1)
    assert "Closed XRPUSDT" in done.text
    page = await ann.answer(ann.says("/trades 100"), quiet_s=5)
    assert "Rows 1 to 30 of 100." in page.text
    turned = await ann.answer(ann.presses(page.buttons[-1]), quiet_s=5)
    assert (turned.message_id, turned.past) == (page.message_id, (page.text,))
    assert "Rows 31 to 60 of 100." in turned.text


def test_a_conversation_over_the_sandbox() -> None:
    run_virtually(conversation, START_MS)


async def claimed_before_confirmed() -> None:
    """As long as the desk has not claimed a line, Telegram is not asked for the next one, which would forget it."""
    chat, hangs = Chat(), asyncio.Event()
    claim = chat.arrivals.claim

    async def slow_claim(arrival: Arrival) -> bool:
        hangs.set()
        await asyncio.sleep(0.8)
        return await claim(arrival)

    chat.arrivals.claim = slow_claim  # type: ignore[method-assign]
    async with TelegramSandbox(wall_ms) as telegram:
        ann = telegram.people.person(2, "Ann", "ann_b")

        def asked_for() -> int:
            polls = (call.payload for call in telegram.calls.rows if call.method == "getUpdates")
            return max(int(str(payload.get("offset") or 0)) for payload in polls)

        async with connected(chat, telegram):
            await asyncio.sleep(1)
            said = ann.says("/status")
            await hangs.wait()
            await asyncio.sleep(0.7)
            assert said.update_id is not None
            assert asked_for() <= said.update_id
            assert (await ann.answer(said)).text.startswith("Status")
            await asyncio.sleep(20)
            assert asked_for() == said.update_id + 1


def test_an_update_is_confirmed_only_when_it_is_claimed() -> None:
    run_virtually(claimed_before_confirmed, START_MS)


async def hanging_database() -> None:
    """A claim that hangs holds up the queue for a second, and then nobody: the panic behind it goes through."""
    chat = Chat()
    held: list[Arrival] = []
    claim = chat.arrivals.claim

    async def first_hangs(arrival: Arrival) -> bool:
        if not held:
            held.append(arrival)
            await asyncio.sleep(3600)
        return await claim(arrival)

    chat.arrivals.claim = first_hangs  # type: ignore[method-assign]
    async with TelegramSandbox(wall_ms) as telegram:
        ann = telegram.people.person(2, "Ann", "ann_b")
        async with connected(chat, telegram):
            await asyncio.sleep(1)
            ann.says("/status")
            said = ann.says("/panic_close now")
            began_s = asyncio.get_running_loop().time()
            await ann.answer(said)
            assert asyncio.get_running_loop().time() - began_s < 3
    assert chat.desk.done == [("panic_close", "")]


def test_a_hanging_claim_keeps_no_panic_waiting() -> None:
    run_virtually(hanging_database, START_MS)
