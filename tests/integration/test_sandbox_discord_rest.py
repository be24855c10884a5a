"""What Discord refuses, refused by the sandbox: bare requests, one rule each."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from discord_house import EPOCH_MS, DiscordHouse, discord_house, pointed
from virtual_loop import run_virtually

from sandbox.chat.discord import DiscordRules, NoAnswer
from sandbox.chat.discord.nouns import Interaction, InteractionKind
from sandbox.chat.discord.pings import Pings


def button(label: str = "Yes", own: str = "yes", **more: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": label, "custom_id": own, **more}


def row(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(parts)}


def options(count: int) -> list[dict[str, str]]:
    return [{"label": f"l{n}", "value": f"v{n}"} for n in range(count)]


def field(name: str = "n", value: str = "v") -> dict[str, str]:
    return {"name": name, "value": value}


@pytest.fixture
async def house() -> AsyncIterator[DiscordHouse]:
    async with discord_house() as made:
        yield made


FITS: list[dict[str, Any]] = [
    {"content": "x" * 2000},
    {"embeds": [{"title": "x" * 256, "description": "x" * 4096}]},
    {"embeds": [{"fields": [field("n" * 100, "v" * 100)] * 25}]},
    {"embeds": [{"title": "x"}] * 10},
    {"content": "x", "components": [row(*(button(own=f"{r}{n}") for n in range(5))) for r in range(5)]},
    {"content": "x", "components": [row(button("l" * 80, "c" * 100))]},
    {"content": "x", "components": [row({"type": 3, "custom_id": "s", "options": options(25)})]},
    {
        "content": "x",
        "components": [row({"type": 2, "style": 5, "label": "site", "url": "https://example.invalid"})],
    },
]


@pytest.mark.parametrize("body", FITS, ids=range(len(FITS)))
async def test_messages_at_the_limits_are_taken(house: DiscordHouse, body: dict[str, Any]) -> None:
    status, made = await house.send(**body)
    assert (status, made["author"]["id"]) == (200, house.discord.world.bot.id)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"content": "x" * 2001}, "content"),
    ({"embeds": [{"title": "x" * 257}]}, "embeds.0.title"),
    ({"embeds": [{"description": "x" * 4097}]}, "embeds.0.description"),
    ({"embeds": [{"fields": [field()] * 26}]}, "embeds.0.fields"),
    ({"embeds": [{"fields": [field("n" * 257)]}]}, "embeds.0.fields.0.name"),
    ({"embeds": [{"fields": [field("n", "v" * 1025)]}]}, "embeds.0.fields.0.value"),
    ({"embeds": [{"fields": [field("n", "")]}]}, "embeds.0.fields.0.value"),
    ({"embeds": [{"title": "x", "footer": {"text": "x" * 2049}}]}, "embeds.0.footer.text"),
    ({"embeds": [{"description": "x" * 3001}] * 2}, "embeds"),
    ({"embeds": [{"title": "x"}] * 11}, "embeds"),
    ({"embeds": [{}]}, "embeds.0.description"),
    ({"embeds": [{"title": "x", "image": {"url": "attachment://a.png"}}]}, "embeds.0.image.url"),
    ({"embeds": [{"title": "x", "image": {"url": "ftp://a"}}]}, "embeds.0.image.url"),
    ({"content": "x", "components": [row(button(own=str(n))) for n in range(6)]}, "components"),
    (
        {"content": "x", "components": [row(*(button(own=str(n)) for n in range(6)))]},
        "components.0.components",
    ),
    ({"content": "x", "components": [row()]}, "components.0.components"),
    ({"content": "x", "components": [button()]}, "components.0.type"),
    ({"content": "x", "components": [row(button("l" * 81))]}, "components.0.components.0.label"),
    ({"content": "x", "components": [row(button(""))]}, "components.0.components.0.label"),
    ({"content": "x", "components": [row(button(own="c" * 101))]}, "components.0.components.0.custom_id"),
    ({"content": "x", "components": [row(button(own=""))]}, "components.0.components.0.custom_id"),
    ({"content": "x", "components": [row(button(), button())]}, "components.0.components.1.custom_id"),
    ({"content": "x", "components": [row(button()), row(button())]}, "components.1.components.0.custom_id"),
    ({"content": "x", "components": [row(button(style=9))]}, "components.0.components.0.style"),
    (
        {"content": "x", "components": [row({"type": 3, "custom_id": "s", "options": options(26)})]},
        "components.0.components.0.options",
    ),
    ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, "allowed_mentions"),
    ({"content": "x", "flags": 1 << 15}, "flags"),
]


@pytest.mark.parametrize("body, place", BROKEN, ids=[place for _, place in BROKEN])
async def test_messages_over_a_limit_are_refused(
    house: DiscordHouse, body: dict[str, Any], place: str
) -> None:
    status, told = await house.send(**body)
    assert (status, told["code"], told["message"]) == (400, 50035, "Invalid Form Body")
    found = told["errors"]
    for step in place.split("."):
        found = found[step]
    assert found["_errors"][0]["message"]
    assert house.ann.sees(house.channel) == []


@pytest.mark.parametrize("body", [{}, {"content": ""}, {"content": " \n"}, {"embeds": []}])
async def test_nothing_cannot_be_sent(house: DiscordHouse, body: dict[str, Any]) -> None:
    status, told = await house.send(**body)
    assert (status, told["code"]) == (400, 50006)


async def test_files_come_by_multipart(house: DiscordHouse) -> None:
    shown = {"embeds": [{"title": "x", "image": {"url": "attachment://a.bin"}}]}
    content = bytes(range(256)) + b"\r\n--x\r\n\r\n"
    assert (await house.upload(json.dumps(shown), a=content, b=b"2"))[0] == 200
    assert house.ann.sees(house.channel)[0].files == {"a.bin": content, "b.bin": b"2"}
    status, told = await house.upload("{}", **{f"f{n}": b"x" for n in range(11)})
    assert (status, told["code"]) == (400, 50035)
    status, told = await house.upload("{}", big=bytes(10 * 1024 * 1024 + 1))
    assert (status, told["code"]) == (413, 40005)
    assert (await house.upload("{", a=b"x"))[1]["code"] == 50109


async def test_whom_a_message_would_ping(house: DiscordHouse) -> None:
    says = "<@5> <@!6> <@&7> @everyone"
    await house.send(content=says)
    await house.send(content=says, allowed_mentions={"parse": []})
    await house.send(content=says, allowed_mentions={"parse": ["roles"], "users": ["6"]})
    await house.send(embeds=[{"title": says}])
    found = [message.pings for message in house.discord.world.all_messages()]
    assert found == [Pings(("5", "6"), ("7",), True), Pings(), Pings(("6",), ("7",)), Pings()]
    assert [bool(one) for one in found] == [True, False, True, False]


async def test_who_may_what_and_where(house: DiscordHouse) -> None:
    world, channel = house.discord.world, house.channel
    assert (await house.ask("GET", "users/@me", headers={}))[0] == 401
    assert (await house.ask("GET", "users/@me"))[1]["id"] == world.bot.id
    assert (await house.ask("GET", "oauth2/applications/@me"))[1]["id"] == world.application_id
    assert (await house.ask("GET", f"users/{house.ann.id}"))[1]["username"] == "ann"
    assert (await house.ask("GET", "users/5"))[1]["code"] == 10013
    assert (await house.ask("GET", "channels/5"))[1]["code"] == 10003
    assert (await house.ask("GET", f"channels/{channel.id}"))[1]["guild_id"] == house.guild.id
    assert (await house.ask("GET", "nothing"))[0] == 404
    assert (await house.ask("PUT", "users/@me"))[0] == 405
    channel.writable = False
    assert (await house.send(content="x"))[1]["code"] == 50013
    house.ann.user.takes_dms = False
    status, direct = await house.ask("POST", "users/@me/channels", {"recipient_id": house.ann.id})
    assert (status, direct["recipients"][0]["id"]) == (200, house.ann.id)
    assert (await house.ask("POST", f"channels/{direct['id']}/messages", {"content": "x"}))[1][
        "code"
    ] == 50007
    house.ann.user.takes_dms = True
    assert (await house.ask("POST", f"channels/{direct['id']}/messages", {"content": "x"}))[0] == 200
    assert [one.text for one in house.ann.sees(house.ann.private)] == ["x"]


async def test_a_nonce_makes_a_message_once(house: DiscordHouse) -> None:
    one = (await house.send(content="once", nonce="n1", enforce_nonce=True, flags=1 << 12))[1]
    again = (await house.send(content="once", nonce="n1", enforce_nonce=True))[1]
    assert (again["id"], again["nonce"]) == (one["id"], "n1")
    assert (await house.send(content="other", nonce="n2", enforce_nonce=True))[1]["id"] != one["id"]
    assert (await house.send(content="twice", nonce="n1"))[1]["id"] != one["id"]
    house.pass_s(300)
    assert (await house.send(content="later", nonce="n1", enforce_nonce=True))[1]["id"] != one["id"]
    assert (await house.send(content="x", nonce="n" * 26))[1]["code"] == 50035
    seen = house.ann.sees(house.channel)
    assert [(one.text, one.silent) for one in seen] == [
        ("once", True),
        ("other", False),
        ("twice", False),
        ("later", False),
    ]


async def test_messages_are_edited_and_removed(house: DiscordHouse) -> None:
    _, made = await house.send(content="one", components=[row(button())])
    path = f"channels/{house.channel.id}/messages/{made['id']}"
    assert (await house.ask("PATCH", path, {"content": "two"}))[1]["edited_timestamp"]
    assert [(one.text, one.edited, one.labels) for one in house.ann.sees(house.channel)] == [
        ("two", True, ("Yes",))
    ]
    assert (await house.ask("PATCH", path, {"content": "", "components": []}))[1]["code"] == 50006
    foreign = house.ann.says(house.channel, "mine")
    other = f"channels/{house.channel.id}/messages/{foreign.id}"
    assert (await house.ask("PATCH", other, {"content": "x"}))[1]["code"] == 50005
    assert (await house.ask("DELETE", path))[0] == 204
    assert (await house.ask("DELETE", path))[1]["code"] == 10008
    assert [one.text for one in house.ann.sees(house.channel)] == ["mine"]


async def test_threads_and_their_messages(house: DiscordHouse) -> None:
    status, made = await house.ask(
        "POST", f"channels/{house.channel.id}/threads", {"name": "xrp", "type": 11}
    )
    assert (status, made["parent_id"]) == (201, house.channel.id)
    assert (await house.ask("POST", f"channels/{made['id']}/messages", {"content": "in it"}))[0] == 200
    assert [one.text for one in house.ann.sees(house.discord.world.channel(made["id"]))] == ["in it"]


def command(name: Any = "status", description: Any = "d", **more: Any) -> dict[str, Any]:
    return {"name": name, "description": description, **more}


def option(name: str = "a", kind: int = 3, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": "d", "type": kind, **more}


def choices(count: int, name: str = "n") -> list[dict[str, str]]:
    return [{"name": f"{name}{n}", "value": f"v{n}"} for n in range(count)]


WRONG_COMMANDS: list[tuple[str, list[dict[str, Any]]]] = [
    ("upper case", [command("Status")]),
    ("space", [command("a b")]),
    ("33 characters", [command("x" * 33)]),
    ("empty", [command("")]),
    ("no description", [command(description="")]),
    ("101 characters", [command(description="x" * 101)]),
    ("101 commands", [command(f"c{n}") for n in range(101)]),
    ("twice", [command(), command()]),
    ("26 options", [command(options=[option(f"o{n}") for n in range(26)])]),
    ("option twice", [command(options=[option(), option()])]),
    ("option name", [command(options=[option("A")])]),
    ("required after optional", [command(options=[option("a"), option("b", required=True)])]),
    ("unknown type", [command(options=[option(kind=12)])]),
    ("26 choices", [command(options=[option(choices=choices(26))])]),
    ("choice's name", [command(options=[option(choices=choices(1, "x" * 100))])]),
    ("choice twice", [command(options=[option(choices=choices(1) * 2)])]),
    ("choice's type", [command(options=[option(kind=4, choices=choices(1))])]),
    ("choices and completion", [command(options=[option(choices=choices(1), autocomplete=True)])]),
    ("range of a text", [command(options=[option(min_value=1)])]),
    ("range beyond numbers", [command(options=[option(kind=4, max_value=2**53 + 1)])]),
    ("too large", [command(options=[option(f"o{n}", choices=choices(25, "y" * 90)) for n in range(4)])]),
]


@pytest.mark.parametrize(
    "commands", [commands for _, commands in WRONG_COMMANDS], ids=[name for name, _ in WRONG_COMMANDS]
)
async def test_commands_that_discord_does_not_take(
    house: DiscordHouse, commands: list[dict[str, Any]]
) -> None:
    assert (await house.register(command("old")))[0] == 200
    status, told = await house.register(*commands)
    assert (status, told["code"]) == (400, 50035)
    assert set(house.ann.offered(house.channel)) == {"old"}


async def test_commands_of_a_guild_and_of_everywhere(house: DiscordHouse) -> None:
    first = (await house.register(command("a"), command("b")))[1]
    again = (await house.register(command("b", "new"), command("c")))[1]
    assert again[0]["id"] == first[1]["id"]
    assert [one["name"] for one in again] == ["b", "c"]
    world = house.discord.world
    everywhere = f"applications/{world.application_id}/commands"
    body = [command("d"), command("e", dm_permission=False), command("f", contexts=[0])]
    assert (await house.ask("PUT", everywhere, body))[0] == 200
    assert set(house.ann.offered(house.channel)) == {"b", "c", "d", "e", "f"}
    assert set(house.ann.offered(house.ann.private)) == {"d"}
    assert (await house.ask("PUT", "applications/5/commands", []))[1]["code"] == 20012
    assert (await house.ask("PUT", f"applications/{world.application_id}/guilds/5/commands", []))[1][
        "code"
    ] == 50001


async def test_two_hundred_new_commands_a_day_are_enough(house: DiscordHouse) -> None:
    for turn in range(2):
        assert (await house.register(*(command(f"c{turn}-{n}") for n in range(100))))[0] == 200
    assert (await house.register(*(command(f"c1-{n}") for n in range(100))))[0] == 200
    status, told = await house.register(command("one-more"))
    assert (status, told["code"]) == (429, 30034)


def begun(house: DiscordHouse, kind: InteractionKind = InteractionKind.COMMAND) -> Interaction:
    rows = [{"name": "a", "type": 3, "value": "", "focused": True}]
    data = {"id": "1", "name": "status", "type": 1, "options": rows}
    return house.discord.interactions.begin(kind, house.ann.user, house.channel, data)


async def call_back(house: DiscordHouse, one: Interaction, kind: Any, **data: Any) -> tuple[int, Any]:
    """Callbacks need no token of the bot."""
    path = f"interactions/{one.id}/{one.token}/callback"
    return await house.ask("POST", path, {"type": kind, "data": data}, headers={})


async def follow(
    house: DiscordHouse, one: Interaction, verb: str = "POST", tail: str = "", **body: Any
) -> Any:
    path = f"webhooks/{house.discord.world.application_id}/{one.token}{tail}"
    return await house.ask(verb, path, body, headers={})


async def test_an_interaction_is_answered_once_and_in_time(house: DiscordHouse) -> None:
    one = begun(house)
    assert (await follow(house, one, content="too early"))[1]["code"] == 10015
    house.pass_s(2.9)
    assert (await call_back(house, one, 4, content="x" * 2001))[1]["code"] == 50035
    assert (await call_back(house, one, 4, content="here", flags=64))[0] == 204
    assert (await call_back(house, one, 4, content="again"))[1]["code"] == 40060
    late = begun(house)
    house.pass_s(3.1)
    status, told = await call_back(house, late, 4, content="late")
    assert (status, told["code"], told["message"]) == (404, 10062, "Unknown interaction")
    assert [one.id for one in house.ann.failures] == [late.id]
    house.pass_s(880)
    assert (await follow(house, one, content="still"))[0] == 200
    house.pass_s(20)
    assert (await follow(house, one, content="over"))[1]["code"] == 50027
    assert [one.text for one in house.ann.sees(house.channel)] == ["here", "still"]
    assert [one.text for one in house.bob.sees(house.channel)] == ["still"]


@pytest.mark.parametrize(
    "kind, answer",
    [
        (InteractionKind.COMMAND, 6),
        (InteractionKind.COMMAND, 7),
        (InteractionKind.COMMAND, 8),
        (InteractionKind.COMMAND, 1),
        (InteractionKind.COMMAND, None),
        (InteractionKind.COMPLETION, 4),
        (InteractionKind.MODAL, 9),
        (InteractionKind.MODAL, 7),
    ],
)
async def test_answers_of_the_wrong_kind(house: DiscordHouse, kind: InteractionKind, answer: Any) -> None:
    one = begun(house, kind)
    assert (await call_back(house, one, answer, content="x"))[1]["code"] == 50035
    assert one.answered is None


async def test_the_original_is_changed_and_removed(house: DiscordHouse) -> None:
    one = begun(house)
    assert (await call_back(house, one, 5, flags=64))[0] == 204
    assert [seen.thinking for seen in house.ann.sees(house.channel)] == [True]
    assert (await follow(house, one, "PATCH", "/messages/@original", content="filled"))[0] == 200
    assert [(seen.text, seen.ephemeral) for seen in house.ann.sees(house.channel)] == [("filled", True)]
    other = (await follow(house, one, content="more"))[1]["id"]
    assert (await follow(house, one, "PATCH", f"/messages/{other}", content="most"))[1]["content"] == "most"
    assert (await follow(house, one, "DELETE", "/messages/@original"))[0] == 204
    assert (await follow(house, one, "PATCH", "/messages/@original", content="x"))[1]["code"] == 10008
    hidden = house.channel.messages[0].id
    assert (await house.ask("PATCH", f"channels/{house.channel.id}/messages/{hidden}", {"content": "x"}))[
        0
    ] == 404


@pytest.mark.parametrize(
    "answers", [choices(26), choices(1, "x" * 100), choices(1) * 2, [{"name": "n", "value": 5}]]
)
async def test_completions_have_limits(house: DiscordHouse, answers: list[Any]) -> None:
    one = begun(house, InteractionKind.COMPLETION)
    assert (await call_back(house, one, 8, choices=answers))[1]["code"] == 50035
    assert (await call_back(house, one, 8, choices=choices(25)))[0] == 204


def text_input(**more: Any) -> dict[str, Any]:
    return row({"type": 4, "custom_id": "a", "label": "A", "style": 1, **more})


@pytest.mark.parametrize(
    "modal",
    [
        {"title": "x" * 46, "custom_id": "m", "components": [text_input()]},
        {"title": "", "custom_id": "m", "components": [text_input()]},
        {"title": "x", "custom_id": "m" * 101, "components": [text_input()]},
        {"title": "x", "custom_id": "m", "components": []},
        {"title": "x", "custom_id": "m", "components": [text_input(custom_id=str(n)) for n in range(6)]},
        {"title": "x", "custom_id": "m", "components": [text_input(), text_input()]},
        {"title": "x", "custom_id": "m", "components": [text_input(label="x" * 46)]},
        {"title": "x", "custom_id": "m", "components": [text_input(placeholder="x" * 101)]},
        {"title": "x", "custom_id": "m", "components": [text_input(max_length=4001)]},
        {"title": "x", "custom_id": "m", "components": [text_input(style=3)]},
        {"title": "x", "custom_id": "m", "components": [row(button())]},
    ],
)
async def test_forms_over_a_limit_are_refused(house: DiscordHouse, modal: dict[str, Any]) -> None:
    one = begun(house)
    assert (await call_back(house, one, 9, **modal))[1]["code"] == 50035
    right = {"title": "x" * 45, "custom_id": "m", "components": [text_input()]}
    assert (await call_back(house, one, 9, **right))[0] == 204


async def test_incoming_webhooks(house: DiscordHouse) -> None:
    url = house.discord.webhook_url(house.channel)
    async with house.session.post(url, json={"content": "@everyone", "username": "desk"}) as answer:
        assert answer.status == 204
    async with house.session.post(url, params={"wait": "true"}, json={"content": "kept"}) as answer:
        assert (answer.status, (await answer.json())["content"]) == (200, "kept")
    async with house.session.post(url, json={}) as answer:
        assert (await answer.json())["code"] == 50006
    async with house.session.post(url[:-3] + "xyz", json={"content": "x"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (401, 50027)
    assert [(one.author, one.text) for one in house.ann.sees(house.channel)] == [
        ("desk", "@everyone"),
        ("webhook", "kept"),
    ]
    assert house.channel.messages[0].pings.everyone
    assert house.discord.calls.holding(url.rpartition("/")[2].encode()) == []


async def test_webhooks_of_the_library(house: DiscordHouse) -> None:
    async with pointed(house.discord):
        own, _, token = house.discord.webhook_url(house.channel).rpartition("/webhooks/")[2].partition("/")
        url = f"https://discord.com/api/webhooks/{own}/{token}"
        hook = discord.Webhook.from_url(url, session=house.session)
        await hook.send("by the library", allowed_mentions=discord.AllowedMentions.none())
    assert [one.text for one in house.ann.sees(house.channel)] == ["by the library"]


async def test_buckets_say_what_is_left_and_refuse_the_sixth(house: DiscordHouse) -> None:
    url = f"{house.discord.base_url}/channels/{house.channel.id}/messages"
    headers = {"Authorization": f"Bot {house.discord.world.token}"}
    left = []
    for _ in range(5):
        async with house.session.post(url, json={"content": "x"}, headers=headers) as answer:
            left.append((answer.status, answer.headers["X-RateLimit-Remaining"]))
            assert answer.headers["X-RateLimit-Limit"] == "5"
            assert 0 < float(answer.headers["X-RateLimit-Reset-After"]) <= 5
    assert left == [(200, str(rest)) for rest in (4, 3, 2, 1, 0)]
    async with house.session.post(url, json={"content": "x"}, headers=headers) as answer:
        told = await answer.json()
        assert (answer.status, told["global"], "Via" in answer.headers) == (429, False, True)
        assert 4 < told["retry_after"] <= 5.01
    other = house.discord.world.add_channel(house.guild, "other")
    assert (await house.ask("POST", f"channels/{other.id}/messages", {"content": "x"}))[0] == 200
    house.pass_s(5.1)
    assert (await house.ask("POST", f"channels/{house.channel.id}/messages", {"content": "x"}))[0] == 200


async def test_fifty_a_second_for_everything_but_interactions(house: DiscordHouse) -> None:
    world = house.discord.world
    users = [world.add_user(f"u{n}").id for n in range(51)]
    answers = [await house.ask("GET", f"users/{own}") for own in users]
    assert [status for status, _ in answers] == [200] * 50 + [429]
    assert answers[-1][1]["global"] is True
    assert (await call_back(house, begun(house), 4, content="x"))[0] == 204


async def test_who_does_not_listen_is_banned() -> None:
    async with discord_house(DiscordRules(invalid_requests=20)) as house:
        for _ in range(20):
            assert (await house.ask("GET", "users/@me", headers={"Authorization": "Bot wrong"}))[0] == 401
        async with house.session.get(f"{house.discord.base_url}/users/@me") as answer:
            assert (answer.status, "Via" in answer.headers) == (429, False)
            assert "1015" in await answer.text()
        assert (await house.ask("GET", "users/@me"))[0] == 429
        async with pointed(house.discord):
            client = discord.Client(intents=discord.Intents.none())
            with pytest.raises(discord.HTTPException) as caught:
                await client.login("anything")
            assert caught.value.status == 429
            await client.close()
        house.pass_s(3601)
        assert (await house.ask("GET", "users/@me"))[0] == 200


def test_an_unheard_command_fails_before_the_person() -> None:
    async def work() -> float:
        async with discord_house() as house:
            await house.register(command("status"))
            house.ann.slash(house.channel, "status")
            began = asyncio.get_running_loop().time()
            with pytest.raises(NoAnswer, match="did not respond"):
                await house.ann.answer()
            return asyncio.get_running_loop().time() - began

    assert 3.0 <= run_virtually(work, EPOCH_MS) < 3.1
