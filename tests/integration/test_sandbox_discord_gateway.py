"""The gateway's rules on bare sockets: logins, resumes in order, and every way to be hung up on."""

import asyncio
from typing import Any

import pytest
from discord_house import EPOCH_MS, TOKEN, DiscordHouse, discord_house, socket
from virtual_loop import run_virtually

from sandbox.chat.discord import DiscordRules
from sandbox.chat.discord.nouns import InteractionKind

QUICK = DiscordRules(identify_every_s=0)


def happens(house: DiscordHouse, name: str) -> None:
    data = {"id": "1", "name": name, "type": 1, "options": []}
    house.discord.interactions.begin(InteractionKind.COMMAND, house.ann.user, house.channel, data)


async def test_hello_ready_guilds_and_heartbeats() -> None:
    async with discord_house() as house, socket(house) as bot:
        hello = await bot.next()
        assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, 41_250)
        await bot.say(1)
        assert (await bot.next())["op"] == 11
        await bot.identify()
        ready = await bot.event("READY")
        assert ready["guilds"] == [{"id": house.guild.id, "unavailable": True}]
        assert ready["resume_gateway_url"].startswith("ws://127.0.0.1:")
        guild = await bot.event("GUILD_CREATE")
        assert [one["name"] for one in guild["channels"]] == ["orders"]
        assert [frame["s"] for frame in bot.frames if frame["op"] == 0] == [1, 2]


async def test_a_resume_replays_what_was_missed_in_order_and_nothing_twice() -> None:
    async with discord_house() as house:
        async with socket(house) as bot:
            await bot.identify()
            ready = await bot.event("READY")
            await bot.event("GUILD_CREATE")
            happens(house, "seen")
            assert (await bot.event("INTERACTION_CREATE"))["data"]["name"] == "seen"
            await bot.wire.close(code=4000)
        for name in ("a", "b", "c"):
            happens(house, name)
        async with socket(house, ready["resume_gateway_url"]) as bot:
            await bot.say(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 3})
            names = [(await bot.event("INTERACTION_CREATE"))["data"]["name"] for _ in range(3)]
            assert names == ["a", "b", "c"]
            assert (await bot.next(0))["t"] == "RESUMED"
            assert [frame["s"] for frame in bot.frames if frame["op"] == 0] == [4, 5, 6, 7]


@pytest.mark.parametrize("code, kept", [(4000, True), (1000, False), (1001, False)])
async def test_how_the_client_leaves_decides_whether_it_may_resume(code: int, kept: bool) -> None:
    async with discord_house() as house:
        async with socket(house) as bot:
            await bot.identify()
            ready = await bot.event("READY")
            await bot.wire.close(code=code)
        async with socket(house) as bot:
            await bot.say(6, {"token": TOKEN, "session_id": ready["session_id"], "seq": 1})
            answer = await bot.next(0, 9)
            assert (answer["op"], answer["d"]) == (9, False) if not kept else answer["op"] == 0


async def test_sessions_that_are_unknown_or_too_old_start_anew() -> None:
    async with discord_house() as house:
        async with socket(house) as bot:
            await bot.identify()
            ready = await bot.event("READY")
            await bot.wire.close(code=4000)
        for seq, session, wait_s, expected in [
            (99, ready["session_id"], 0, 4007),
            (1, "other", 0, 9),
            (1, "", 181, 9),
        ]:
            house.pass_s(wait_s)
            async with socket(house) as bot:
                await bot.say(6, {"token": TOKEN, "session_id": session or ready["session_id"], "seq": seq})
                found = await bot.closed() if expected == 4007 else (await bot.next(9))["op"]
                assert found == expected


@pytest.mark.parametrize(
    "frame, code",
    [
        ({"op": 2, "d": {"token": "wrong", "intents": 1}}, 4004),
        ({"op": 2, "d": {"token": TOKEN, "intents": 1 | 1 << 15}}, 4014),
        ({"op": 2, "d": {"token": TOKEN, "intents": 1 | 1 << 1}}, 4014),
        ({"op": 2, "d": {"token": TOKEN, "intents": 1 << 40}}, 4013),
        ({"op": 2, "d": {"token": TOKEN, "intents": 1, "shard": [3, 4]}}, 4010),
        ({"op": 2, "d": 5}, 4002),
        ({"op": 6, "d": {"token": "wrong", "session_id": "s", "seq": 1}}, 4004),
        ({"op": 3, "d": {}}, 4003),
        ({"op": 99, "d": {}}, 4001),
        ({"op": 1, "d": "x" * 5000}, 4002),
        ([], 4002),
    ],
)
async def test_codes_to_hang_up_with(frame: Any, code: int) -> None:
    async with discord_house() as house, socket(house) as bot:
        await bot.wire.send_json(frame)
        assert await bot.closed() == code


async def test_more_codes_to_hang_up_with() -> None:
    async with discord_house() as house:
        async with socket(house, query="v=9&encoding=json") as bot:
            assert await bot.closed() == 4012
        async with socket(house) as bot:
            await bot.wire.send_str("no json")
            assert await bot.closed() == 4002
        async with socket(house) as bot:
            await bot.identify()
            await bot.event("READY")
            await bot.identify()
            assert await bot.closed() == 4005
        async with socket(house) as bot:
            for _ in range(121):
                await bot.say(1)
            assert await bot.closed() == 4008
        house.discord.gateway.drop(4000)


async def test_one_login_in_five_seconds() -> None:
    async with discord_house() as house:
        for expected in (0, 9):
            async with socket(house) as bot:
                await bot.identify()
                assert (await bot.next(0, 9))["op"] == expected
        house.pass_s(5.1)
        async with socket(house) as bot:
            await bot.identify()
            assert (await bot.next(0, 9))["op"] == 0


async def test_a_thousand_logins_a_day_and_the_token_is_gone() -> None:
    async with discord_house(QUICK) as house:
        for _ in range(1_000):
            async with socket(house) as bot:
                await bot.identify(intents=0)
                await bot.event("READY")
        async with socket(house) as bot:
            await bot.identify(intents=0)
            assert await bot.closed() == 4004
        assert (await house.ask("GET", "users/@me", headers={"Authorization": f"Bot {TOKEN}"}))[0] == 401


async def test_what_is_heard_depends_on_the_intents() -> None:
    async with discord_house(QUICK) as house:
        heard: dict[int, list[tuple[str, str]]] = {}
        for intents in (1, 1 | 1 << 9, 1 << 12):
            async with socket(house) as bot:
                await bot.identify(intents=intents)
                await bot.event("READY")
                house.ann.says(house.channel, "in the guild")
                house.ann.says(house.ann.private, "in private")
                happens(house, "end")
                await bot.event("INTERACTION_CREATE")
                events = [one for one in bot.frames if str(one["t"]).startswith("MESSAGE")]
                heard[intents] = [(one["t"], one["d"]["content"]) for one in events]
        assert heard[1] == []
        assert heard[1 | 1 << 9] == [("MESSAGE_CREATE", "")]
        assert heard[1 << 12] == [("MESSAGE_CREATE", "in private")]


async def test_anything_can_be_delivered() -> None:
    async with discord_house() as house, socket(house) as bot:
        await bot.identify()
        await bot.event("READY")
        house.discord.delivers("INTERACTION_CREATE", {"type": "nonsense"})
        assert await bot.event("INTERACTION_CREATE") == {"type": "nonsense"}


def test_who_sends_no_heartbeat_is_hung_up_on() -> None:
    async def work() -> None:
        async with discord_house() as house, socket(house) as bot:
            await bot.identify()
            async with asyncio.timeout(100):
                async for _ in bot.wire:
                    pass
            assert bot.wire.close_code == 4009

    run_virtually(work, EPOCH_MS)


async def test_two_bots_with_one_token_hear_both() -> None:
    async with discord_house(QUICK) as house, socket(house) as one, socket(house) as two:
        for bot in (one, two):
            await bot.identify()
            await bot.event("READY")
        happens(house, "status")
        assert (await one.event("INTERACTION_CREATE"))["id"] == (await two.event("INTERACTION_CREATE"))["id"]
