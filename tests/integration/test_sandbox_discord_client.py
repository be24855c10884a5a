"""discord.py against the sandbox: what people do reaches the bot, and what it answers is what they see."""

import asyncio

import discord
import pytest
from discord_house import EPOCH_MS, SOURCE, TOKEN, Bot, discord_house, pointed, running, until
from virtual_loop import run_virtually

from sandbox.chat.discord import DiscordRules, Impossible, NoAnswer
from sandbox.chat.troubles import Trouble


async def test_slash_commands_with_options_and_completion() -> None:
    async with discord_house() as house, running(house) as bot:
        ann, channel = house.ann, house.channel
        assert set(ann.offered(channel)) == {"greet", "slow", "form", "card", "late"}
        assert await ann.completes(channel, "greet", "name", "xr") == ("XRPUSDT",)
        ann.slash(channel, "greet", {"name": "you", "times": 2})
        seen = await ann.answer()
        assert (seen.text, seen.ephemeral) == ("hello you hello you ", True)
        assert [one.text for one in ann.sees(channel)] == ["hello you hello you "]
        assert house.bob.sees(channel) == []
        assert bot.heard == ["greet"]


@pytest.mark.parametrize(
    "options",
    [{}, {"name": 5}, {"name": "a", "times": 4}, {"name": "a", "times": "2"}, {"name": "a", "other": "b"}],
)
async def test_what_the_client_would_not_send_is_impossible(options: dict[str, object]) -> None:
    async with discord_house() as house:
        number = {"type": 4, "name": "times", "description": "t", "min_value": 1, "max_value": 3}
        name = {"type": 3, "name": "name", "description": "n", "required": True}
        greet = {"name": "greet", "description": "d", "options": [name, number]}
        assert (await house.register(greet))[0] == 200
        with pytest.raises(Impossible):
            house.ann.slash(house.channel, "greet", options)
        with pytest.raises(Impossible):
            house.ann.slash(house.ann.private, "greet", {"name": "a"})


def test_thinking_then_follow_ups_keep_to_whom_they_were_promised() -> None:
    async def work() -> None:
        async with discord_house() as house, running(house):
            house.ann.slash(house.channel, "slow")
            await until(lambda: house.ann.sees(house.channel))
            assert [one.thinking for one in house.ann.sees(house.channel)] == [True]
            first = await house.ann.answer()
            assert (first.text, first.ephemeral, first.thinking) == ("done", True, False)
            await until(lambda: len(house.ann.sees(house.channel)) == 2)
            assert [one.text for one in await house.ann.answers()] == ["done", "and more"]
            assert house.bob.sees(house.channel) == []

    run_virtually(work, EPOCH_MS)


async def test_buttons_change_the_message_they_hang_on() -> None:
    async with discord_house() as house, running(house):
        house.ann.slash(house.channel, "card")
        shown = await house.ann.answer()
        assert (shown.text, shown.labels) == ("count 0", ("More", "Later"))
        assert shown.files["a.png"] == SOURCE
        house.bob.press(house.channel, "More")
        assert (await house.bob.answer()).text == "count 1"
        house.ann.press(house.channel, "Later")
        assert (await house.ann.answer()).text == "later\nIt is"
        with pytest.raises(Impossible):
            house.ann.press(house.channel, "Gone")
        assert len(house.ann.sees(house.channel)) == 1


async def test_a_form_is_filled_in_as_the_client_allows() -> None:
    async with discord_house() as house, running(house):
        house.ann.slash(house.channel, "form")
        assert (await house.ann.answer()).text == "Why"
        for wrong in ({"Reason": ""}, {"Reason": "x" * 21}, {"Other": "a"}):
            with pytest.raises(Impossible):
                house.ann.submit(wrong)
        house.ann.submit({"Reason": "rain"})
        assert (await house.ann.answer()).text == "because rain"


def test_three_seconds_are_all_there_is() -> None:
    async def work() -> None:
        async with discord_house() as house, running(house) as bot:
            bot.late_s = 2.9
            house.ann.slash(house.channel, "late")
            assert (await house.ann.answer()).text == "too late"
            bot.late_s = 3.1
            house.ann.slash(house.channel, "late")
            with pytest.raises(NoAnswer, match="did not respond"):
                await house.ann.answer()
            await asyncio.sleep(1)
            assert bot.heard[-1] == "404 10062"
            assert len(house.ann.failures) == 1
            assert len(house.ann.sees(house.channel)) == 1

    run_virtually(work, EPOCH_MS)


def test_what_was_done_meanwhile_is_replayed_in_order_on_a_resume() -> None:
    async def work() -> None:
        async with discord_house() as house, running(house) as bot:
            house.discord.gateway.drop(4000)
            for name in ("a", "b", "c"):
                house.ann.slash(house.channel, "greet", {"name": name})
            await until(lambda: len(bot.heard) == 3)
            await until(lambda: len(house.ann.sees(house.channel)) == 3)
            assert [one.text for one in house.ann.sees(house.channel)] == ["hello a ", "hello b ", "hello c "]
            assert house.discord.gateway.resumed == ["session-1"]
            assert len(house.discord.gateway.identified) == 1

    run_virtually(work, EPOCH_MS)


def test_op_7_resumes_and_op_9_logs_in_anew_without_what_was_missed() -> None:
    async def work() -> None:
        async with discord_house() as house, running(house) as bot:
            gateway = house.discord.gateway
            gateway.reconnect()
            await until(lambda: gateway.resumed == ["session-1"])
            gateway.invalidate(resumable=True)
            await until(lambda: len(gateway.resumed) == 2)
            assert len(gateway.identified) == 1
            gateway.invalidate(resumable=False)
            house.ann.slash(house.channel, "greet", {"name": "lost"})
            with pytest.raises(NoAnswer):
                await house.ann.answer()
            await until(lambda: len(gateway.identified) == 2 and gateway.is_connected)
            house.ann.slash(house.channel, "greet", {"name": "found"})
            assert (await house.ann.answer()).text == "hello found "
            assert bot.heard == ["greet"]

    run_virtually(work, EPOCH_MS)


def test_a_session_left_too_long_is_not_resumed() -> None:
    async def work() -> None:
        async with discord_house() as house, running(house):
            gateway = house.discord.gateway
            house.discord.troubles.down()
            await asyncio.sleep(200)
            house.discord.troubles.up()
            await until(lambda: gateway.is_connected, 600)
            assert (len(gateway.identified), gateway.resumed) == (2, [])

    run_virtually(work, EPOCH_MS)


def test_a_quiet_day_stays_connected() -> None:
    async def work() -> tuple[int, int]:
        async with discord_house() as house, running(house):
            await asyncio.sleep(6 * 3600)
            return len(house.discord.gateway.identified), len(house.discord.gateway.resumed)

    assert run_virtually(work, EPOCH_MS) == (1, 0)


def test_the_library_waits_for_its_bucket_and_for_a_429() -> None:
    async def work() -> None:
        async with discord_house() as house, running(house) as bot:
            channel = bot.get_partial_messageable(int(house.channel.id))
            began = asyncio.get_running_loop().time()
            for number in range(11):
                await channel.send(f"message {number}")
            assert asyncio.get_running_loop().time() - began >= 10
            assert house.discord.calls.statuses(429) == []
            house.discord.troubles.arm(Trouble("POST channels/*/messages", status=429, retry_after=7))
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(6)
            await channel.send("patience")
            assert asyncio.get_running_loop().time() - began >= 13
            assert [one.text for one in house.ann.sees(house.channel)][-1] == "patience"

    run_virtually(work, EPOCH_MS)


async def test_privileged_intents_and_wrong_tokens_are_refused() -> None:
    async with discord_house() as house, pointed(house.discord):
        nosy = discord.Client(intents=discord.Intents(guilds=True, message_content=True))
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await nosy.start(TOKEN)
        await nosy.close()
        wrong = Bot(house.guild)
        with pytest.raises(discord.LoginFailure):
            await wrong.start("another-token")
        await wrong.close()


def test_a_loop_of_logins_costs_the_token() -> None:
    async def work() -> None:
        rules = DiscordRules(identifies_a_day=3)
        async with discord_house(rules) as house, running(house) as bot:
            for _ in range(2):
                house.discord.gateway.invalidate(resumable=False)
                await until(lambda: not house.discord.gateway.is_connected)
                await until(lambda: house.discord.gateway.is_connected)
            house.discord.gateway.invalidate(resumable=False)
            await until(bot.is_closed, 120)
            assert (await house.ask("GET", "users/@me", headers={"Authorization": f"Bot {TOKEN}"}))[0] == 401
            assert house.discord.gateway.closes == [4004]

    run_virtually(work, EPOCH_MS)


async def test_secrets_are_not_in_the_book() -> None:
    async with discord_house() as house, running(house):
        house.ann.slash(house.channel, "greet", {"name": "you"})
        await house.ann.answer()
        assert {"gateway 2", "gateway 1", "GET users/@me"} <= set(house.discord.calls.methods())
        assert house.discord.calls.holding(TOKEN.encode()) == []
        assert house.discord.calls.holding(b"sandbox-interaction") == []
