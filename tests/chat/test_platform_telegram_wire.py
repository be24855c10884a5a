"""The real library against the smallest Telegram there is, on loopback: answers, outages, a second poller."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from aiohttp import web
from chat_fakes import START_MS, Chat
from drawings import drawn_by

from handlers.command import Role
from handlers.platforms.telegram import TelegramChat, TelegramSettings

PERSON = {"id": 2, "is_bot": False, "first_name": "Ann"}
US = {"id": 1, "is_bot": True, "first_name": "Deck", "username": "deck_bot"}


class Server:
    """Answers every method; keeps what it was asked; hands out queued updates once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.updates: list[dict[str, Any]] = []
        self.errors: dict[str, list[tuple[int, str]]] = {}

    async def answer(self, request: web.Request) -> web.Response:
        method = request.path.rpartition("/")[2]
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((method, form))
        if self.errors.get(method):
            code, text = self.errors[method].pop(0)
            return web.json_response({"ok": False, "error_code": code, "description": text}, status=code)
        return web.json_response({"ok": True, "result": await self.result(method, form)})

    async def result(self, method: str, form: dict[str, str]) -> object:
        if method == "getMe":
            return {
                **US,
                "can_join_groups": True,
                "can_read_all_group_messages": False,
                "supports_inline_queries": False,
            }
        if method == "getUpdates":
            return await self.poll(int(form.get("offset", 0)))
        if method.startswith(("send", "edit")):
            return {
                "message_id": 9,
                "date": START_MS // 1000,
                "chat": {"id": 2, "type": "private"},
                "text": "x",
            }
        return True

    async def poll(self, offset: int) -> list[dict[str, Any]]:
        await asyncio.sleep(0.02)
        return [update for update in self.updates if update["update_id"] >= offset]

    def say(self, number: int, text: str) -> None:
        chat = {"id": 2, "type": "private", "first_name": "Ann"}
        message = {"message_id": number, "from": PERSON, "chat": chat, "date": START_MS // 1000, "text": text}
        self.updates.append({"update_id": number, "message": message})

    def methods(self) -> list[str]:
        return [method for method, _ in self.asked]


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = cast(Any, site)._server.sockets[0].getsockname()[1]
    yield made, f"http://127.0.0.1:{port}/bot"
    await runner.cleanup()


def face(chat: Chat, url: str) -> TelegramChat:
    settings = TelegramSettings("1:token", {"1": Role.ADMIN}, url, url, longest_retry_s=0.1)
    return TelegramChat(
        settings, chat.dispatcher.handle, chat.registry, drawn_by(lambda plot, dark: b""), chat.clock
    )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 (the server has no bell)
            await asyncio.sleep(0.01)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_connect_answer_leave(chat: Chat, server: tuple[Server, str]) -> None:
    telegram, url = server
    task = asyncio.create_task(face(chat, url).run())
    telegram.say(1, "/status")
    telegram.say(1, "/status")
    await until(lambda: "sendMessage" in telegram.methods())
    await ended(task)
    assert chat.desk.done == [("status", "")]
    allowed = {
        form["allowed_updates"]
        for method, form in telegram.asked
        if method == "getUpdates" and form.get("allowed_updates")
    }
    assert allowed == {'["message", "callback_query", "my_chat_member"]'}
    assert telegram.methods()[:3] == ["getMe", "deleteMyCommands", "setMyCommands"]


async def test_telegram_away_at_the_start(chat: Chat, server: tuple[Server, str]) -> None:
    telegram, url = server
    telegram.errors["getMe"] = [(502, "Bad Gateway")]
    task = asyncio.create_task(face(chat, url).run())
    await until(lambda: "getUpdates" in telegram.methods())
    await ended(task)
    assert telegram.methods().count("getMe") == 2


async def test_a_refused_token_is_told_and_the_desk_goes_on(
    chat: Chat, server: tuple[Server, str], caplog: pytest.LogCaptureFixture
) -> None:
    telegram, url = server
    telegram.errors["getMe"] = [(401, "Unauthorized")]
    task = asyncio.create_task(face(chat, url).run())
    await until(lambda: "refuses the token" in caplog.text)
    await ended(task)
    assert "1:token" not in caplog.text


async def test_a_second_poller_is_told(chat: Chat, server: tuple[Server, str]) -> None:
    telegram, url = server
    telegram.errors["getUpdates"] = [(409, "Conflict: terminated by other getUpdates request")]
    task = asyncio.create_task(face(chat, url).run())
    await until(lambda: "sendMessage" in telegram.methods())
    await ended(task)
    told = next(form for method, form in telegram.asked if method == "sendMessage")
    assert told["chat_id"] == "1"
    assert "Another process reads this bot" in told["text"]
