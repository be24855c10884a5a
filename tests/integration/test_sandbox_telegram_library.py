"""The real python-telegram-bot against the sandbox, in virtual time: polling, limits, outages, a second poller."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.ext import (
    AIORateLimiter,
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)
from telegram_raw import START_MS, Raw, house, in_virtual_time, png
from virtual_loop import run_virtually

from sandbox.chat.troubles import Trouble

type App = Application[Any, Any, Any, Any, Any, Any]
MARKUP = InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data="go")]])


class Bot:
    """A small bot: /status answers with a button, the button edits; every error of polling is kept."""

    def __init__(self, raw: Raw, token: str | None = None, limiter: bool = False) -> None:
        builder = (
            Application.builder()
            .token(token or raw.telegram.token)
            .base_url(raw.telegram.base_url)
            .base_file_url(raw.telegram.base_file_url)
            .get_updates_connection_pool_size(4)
            .job_queue(None)
        )
        self.app: App = (builder.rate_limiter(AIORateLimiter(max_retries=2)) if limiter else builder).build()
        self.app.add_handler(CommandHandler("status", self.status))
        self.app.add_handler(CallbackQueryHandler(self.press))
        self.app.add_handler(MessageHandler(filters.ALL, self.anything))
        self.errors: list[Exception] = []
        self.got: list[Update] = []

    async def status(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None
        self.got.append(update)
        await update.message.reply_html("<b>flat</b>\n<pre>  XRP  0</pre>", reply_markup=MARKUP)

    async def press(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("working", show_alert=True)
        await update.callback_query.edit_message_text("done")

    async def anything(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        self.got.append(update)

    async def __aenter__(self) -> "Bot":
        await self.app.initialize()
        assert self.app.updater is not None
        await self.app.updater.start_polling(
            allowed_updates=Update.ALL_TYPES, error_callback=self.errors.append, bootstrap_retries=0
        )
        await self.app.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.app.updater is not None
        await self.app.updater.stop()
        await self.app.stop()
        await self.app.shutdown()


def bot_play(play: Callable[[Raw, Bot], Awaitable[None]], limiter: bool = False) -> None:
    async def main() -> None:
        async with house() as raw, Bot(raw, limiter=limiter) as bot:
            await play(raw, bot)

    run_virtually(main, START_MS)


def test_a_conversation() -> None:
    async def play(raw: Raw, bot: Bot) -> None:
        ann = raw.telegram.people.persons[2]
        card = await ann.answer(ann.says("/status"))
        assert (card.text, card.buttons, card.fixed) == ("flat\n  XRP  0", ("Go",), ("  XRP  0",))
        press = ann.presses("Go")
        done = await ann.answer(press)
        assert (done.text, done.message_id, done.buttons, done.is_edited) == (
            "done",
            card.message_id,
            (),
            True,
        )
        assert (await ann.toast(press), press.is_alert) == ("working", True)
        assert [call.status for call in raw.telegram.calls.rows if call.status not in (0, 200)] == []
        assert raw.telegram.world.pings == []

    bot_play(play)


def test_every_method_the_library_calls_is_understood_by_it() -> None:
    async def play(raw: Raw) -> None:
        bot = Bot(raw).app.bot
        async with bot:
            sent = await bot.send_photo(2, png(), caption="<i>c</i>", parse_mode="HTML", reply_markup=MARKUP)
            assert (sent.photo[0].width, sent.caption) == (4, "c")
            assert await (await sent.photo[0].get_file()).download_as_bytearray() == png()
            file = await bot.send_document(2, b"a;b", filename="trades.csv")
            assert file.document is not None
            assert file.document.file_name == "trades.csv"
            edited = await sent.edit_caption("d")
            assert isinstance(edited, type(sent))
            assert edited.caption == "d"
            await sent.edit_reply_markup(MARKUP)
            with pytest.raises(BadRequest, match="not modified"):
                await sent.edit_reply_markup(MARKUP)
            await bot.set_my_commands([("status", "how it is")])
            assert (await bot.get_my_commands())[0].command == "status"
            await bot.delete_my_commands()
            assert (await bot.get_chat(2)).first_name == "Ann"
            assert (await bot.get_webhook_info()).url == ""
            assert await bot.send_chat_action(2, "typing")
            assert await file.delete()
            with pytest.raises(BadRequest, match="Chat not found"):
                await bot.send_message(404, "x")
            raw.telegram.people.persons[2].blocks_bot()
            with pytest.raises(Forbidden, match="blocked by the user"):
                await bot.send_message(2, "x")

    in_virtual_time(play, enforced=False)


def test_every_way_of_writing_is_read_by_the_library() -> None:
    async def play(raw: Raw, bot: Bot) -> None:
        people = raw.telegram.people
        ann, desk = people.persons[2], people.supergroup(-100, "Desk", {7: "A"}, reads_all=True)
        said = ann.says("one")
        ann.edits(said, "two")
        ann.says("/x", desk, thread=7, anonymous=True)
        ann.says("/x", desk, auto_forward=True)
        ann.says("x", forwarded=True, via_bot=True)
        ann.says("x", people.channel(-200, "News"))
        ann.sends_photo(png(), "chart")
        ann.adds_bot(desk)
        ann.removes_bot(desk)
        await asyncio.sleep(1)
        kinds = [sorted(update.to_dict())[0] for update in bot.got]
        assert kinds == ["message", "edited_message", *["message"] * 3, "channel_post", *["message"] * 2]
        hidden, linked, forwarded = (update.message for update in bot.got[2:5])
        assert hidden is not None and hidden.sender_chat is not None and hidden.is_topic_message  # noqa: PT018
        assert linked is not None and linked.is_automatic_forward  # noqa: PT018
        assert forwarded is not None and forwarded.forward_origin and forwarded.via_bot  # noqa: PT018
        assert bot.errors == []

    bot_play(play)


def test_a_wrong_token() -> None:
    async def play(raw: Raw) -> None:
        bot = Bot(raw, token="1:wrong").app.bot
        with pytest.raises(InvalidToken):
            await bot.initialize()
        await bot.shutdown()

    in_virtual_time(play)


def test_away_for_thirty_minutes_and_back() -> None:
    async def play(raw: Raw, bot: Bot) -> None:
        ann = raw.telegram.people.persons[2]
        await asyncio.sleep(1)
        raw.telegram.troubles.down()
        said = ann.says("/status")
        with pytest.raises(NetworkError):
            await bot.app.bot.send_message(2, "x")
        await asyncio.sleep(1800)
        assert bot.errors
        assert all(isinstance(error, NetworkError) for error in bot.errors)
        raw.telegram.troubles.up()
        assert (await ann.answer(said, timeout_s=60)).text.startswith("flat")
        assert [update.message.text for update in bot.got if update.message] == ["/status"]

    bot_play(play)


def test_two_pollers_are_both_told() -> None:
    async def play(raw: Raw, bot: Bot) -> None:
        async with Bot(raw) as other:
            await asyncio.sleep(60)
            conflicts = [*bot.errors, *other.errors]
            assert conflicts
            assert all(isinstance(error, Conflict) for error in conflicts)
        await asyncio.sleep(60)
        told = len(bot.errors)
        await asyncio.sleep(600)
        assert len(bot.errors) == told, "alone again"

    bot_play(play)


def test_without_a_limiter_a_flood_is_refused_and_with_one_it_gets_through() -> None:
    async def bare(raw: Raw, bot: Bot) -> None:
        for number in range(3):
            await bot.app.bot.send_message(2, str(number))
        with pytest.raises(RetryAfter, match="Retry in 1 seconds"):
            await bot.app.bot.send_message(2, "3")
        assert len(raw.telegram.people.persons[2].sees()) == 3

    async def limited(raw: Raw, bot: Bot) -> None:
        for number in range(10):
            await bot.app.bot.send_message(2, str(number))
        assert [seen.text for seen in raw.telegram.people.persons[2].sees()] == [str(n) for n in range(10)]
        assert raw.telegram.calls.statuses(429) != []

    bot_play(bare)
    bot_play(limited, limiter=True)


def test_polling_survives_bad_answers() -> None:
    async def play(raw: Raw, bot: Bot) -> None:
        ann = raw.telegram.people.persons[2]
        raw.telegram.troubles.arm(Trouble("getUpdates", times=2, status=502, description="Bad Gateway"))
        raw.telegram.troubles.arm(Trouble("getUpdates", cut=True, done=True))
        await asyncio.sleep(60)
        assert [type(error) for error in bot.errors] == [NetworkError] * 3
        assert (await ann.answer(ann.says("/status"))).text.startswith("flat")

    bot_play(play)


def test_an_update_delivered_twice_reaches_the_handler_twice() -> None:
    async def play(raw: Raw, bot: Bot) -> None:
        ann = raw.telegram.people.persons[2]
        said = ann.says("/status")
        await ann.answer(said)
        assert said.update_id is not None
        raw.telegram.people.delivers_again(said.update_id)
        await asyncio.sleep(1)
        assert [update.update_id for update in bot.got] == [said.update_id] * 2

    bot_play(play)


def test_after_a_quiet_week_the_library_goes_on_with_other_ids() -> None:
    async def play(raw: Raw, bot: Bot) -> None:
        ann = raw.telegram.people.persons[2]
        await ann.answer(ann.says("/status"))
        raw.telegram.people.update_ids_begin_at(41)
        said = ann.says("/status")
        await ann.answer(said)
        await asyncio.sleep(30)
        assert [update.update_id for update in bot.got][1:] == [41], "once"

    bot_play(play)
