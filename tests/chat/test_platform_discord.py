"""Discord without a network: its own client and interactions made from JSON, the wire recorded."""

import asyncio
from decimal import Decimal
from itertools import count
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from chat_fakes import START_MS, Chat
from drawings import drawn_by
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.notice import Notice, NoticeKind, Severity
from handlers.notices import PlatformDown
from handlers.platforms.discord import DiscordChat, DiscordSettings
from handlers.platforms.discord import chat as discord_chat
from handlers.platforms.discord.options import option_text, slash_command
from handlers.platforms.discord.render import EMBED_LENGTH, messages, safe
from handlers.render_text import notice_reply
from handlers.reply import Attachment, BarPlot, Button, ButtonStyle, Column, Plot, Reply, Table

GUILD, CHANNEL, USER, APP = "44", "55", "9", "1"
COUNT = count(1)


def draw(plot: Plot, dark: bool) -> bytes:
    return b"\x89PNG"


class Wire:
    """Everything the library would send: route, JSON payload, names of files."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any], list[str]]] = []
        self.fail: Exception | None = None

    async def request(self, route: Any, session: Any = None, **how: Any) -> Any:
        payload, files = how.get("payload"), []
        for part in how.get("multipart") or ():
            if part["name"] == "payload_json":
                payload = discord.utils._from_json(part["value"])
            else:
                files.append(part["filename"])
        self.calls.append((f"{route.method} {route.path.rpartition('/')[2]}", payload or {}, files))
        if self.fail:
            raise self.fail
        if "callback" not in route.path:
            return message()
        made = {"interaction": {"id": "1", "type": 2, "response_message_id": "9"}}
        return {**made, "resource": {"type": 4, "message": message()}}

    @property
    def data(self) -> dict[str, Any]:
        """The message of the last response."""
        payload = self.calls[-1][1]
        return payload.get("data", payload)


def message() -> dict[str, Any]:
    author = {"id": "1", "username": "bot", "discriminator": "0", "avatar": None, "bot": True}
    lists = dict.fromkeys(("mentions", "mention_roles", "attachments", "embeds", "components"), ())
    base = {
        "id": "9",
        "channel_id": CHANNEL,
        "author": author,
        "content": "",
        "timestamp": "2023-11-14T22:13:20+00:00",
    }
    flags = {
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "pinned": False,
        "type": 0,
        "flags": 0,
    }
    return {**base, **flags, **{name: list(value) for name, value in lists.items()}}


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()

    async def request(self: object, route: Any, session: Any = None, **how: Any) -> Any:
        return await made.request(route, session, **how)

    monkeypatch.setattr(discord.webhook.async_.AsyncWebhookAdapter, "request", request)
    return made


class Face:
    """A Discord chat whose client hears what we say."""

    def __init__(self, chat: Chat, wire: Wire) -> None:
        self.chat, self.wire = chat, wire
        settings = DiscordSettings("token", (int(GUILD),))
        suggest = chat.dispatcher.suggest
        self.discord = DiscordChat(settings, chat.dispatcher.handle, chat.registry, suggest, drawn_by(draw))
        self.client = self.discord.client()
        self.client._connection.application_id = int(APP)
        us = {"id": APP, "username": "bot", "discriminator": "0", "avatar": None, "bot": True}
        self.client._connection.user = discord.ClientUser(state=self.client._connection, data=us)  # type: ignore[arg-type]
        self.user = USER

    def interaction(self, kind: int, data: dict[str, Any], **more: Any) -> discord.Interaction:
        millis = self.chat.clock.now_ms - 1_420_070_400_000
        snowflake = (millis << 22) + next(COUNT)
        user = {
            "id": self.user,
            "username": "ann",
            "discriminator": "0",
            "global_name": "Ann",
            "avatar": None,
        }
        member = {
            "user": user,
            "roles": [],
            "joined_at": "2023-01-01T00:00:00+00:00",
            "deaf": False,
            "mute": False,
        }
        payload = {
            "id": str(snowflake),
            "application_id": APP,
            "type": kind,
            "token": "t",
            "version": 1,
            "guild_id": GUILD,
            "channel_id": CHANNEL,
            "channel": {"id": CHANNEL, "type": 0, "name": "desk", "position": 0, "permission_overwrites": []},
            "member": {**member, "flags": 0, "permissions": "0"},
            "data": data,
            "entitlements": [],
            "attachment_size_limit": 10_000_000,
            "locale": "en-US",
            **more,
        }
        return discord.Interaction(data=payload, state=self.client._connection)  # type: ignore[arg-type]

    async def slash(self, name: str, *options: tuple[str, int, object]) -> None:
        given = [{"name": option, "type": kind, "value": value} for option, kind, value in options]
        data = {"id": "3", "name": name, "type": 1, "options": given, "guild_id": GUILD}
        await self.client.tree._call(self.interaction(2, data))

    async def press(self, label: str) -> None:
        button = next(
            b for row in self.wire.data["components"] for b in row["components"] if b["label"] == label
        )
        data = {"custom_id": button["custom_id"], "component_type": 2}
        await self.client.on_interaction(self.interaction(3, data, message=message()))

    async def autocomplete(self, name: str, option: str, typed: str) -> list[str]:
        options = [{"name": option, "type": 3, "value": typed, "focused": True}]
        data = {"id": "3", "name": name, "type": 1, "options": options, "guild_id": GUILD}
        await self.client.tree._call(self.interaction(4, data))
        return [choice["value"] for choice in self.wire.data["choices"]]

    @property
    def embed(self) -> dict[str, Any]:
        return self.wire.data["embeds"][0]


@pytest.fixture
def face(chat: Chat, wire: Wire) -> Face:
    return Face(chat, wire)


def options_of(face: Face, name: str) -> dict[str, dict[str, Any]]:
    command = face.client.tree.get_command(name, guild=discord.Object(int(GUILD)))
    assert command is not None
    payload = command.to_dict(face.client.tree)
    assert payload["description"]
    return {option["name"]: option for option in payload["options"]}


async def test_options_are_typed(face: Face) -> None:
    trades = options_of(face, "trades")
    assert (trades["n"]["type"], trades["n"]["min_value"], trades["n"]["max_value"]) == (4, 1, 100)
    assert (trades["symbol"]["type"], trades["symbol"]["autocomplete"], trades["symbol"]["required"]) == (
        3,
        True,
        False,
    )
    assert trades["wide"]["type"] == 5
    risk = options_of(face, "set_risk")["amount"]
    assert (risk["type"], risk["min_value"], risk["max_value"], risk["required"]) == (10, 0.1, 1000.0, True)
    assert risk["description"] == "loss at the stop: a number from 0.1 to 1000 USDT"
    assert [choice["value"] for choice in options_of(face, "pnl")["period"]["choices"]] == [
        "day",
        "week",
        "month",
    ]
    assert options_of(face, "stoploss")["to"]["type"] == 3
    assert options_of(face, "panic_close")["now"]["type"] == 5


async def test_every_command_can_be_offered(face: Face) -> None:
    offered = face.client.tree.get_commands(guild=discord.Object(int(GUILD)))
    assert [command.name for command in offered] == [command.name for command in face.chat.registry]
    for command in offered:
        assert command.to_dict(face.client.tree)["dm_permission"] is False


def test_numbers_come_back_as_they_were_typed() -> None:
    values = (0.1, 5.0, 0.00001, 3, True, False, "x")
    assert [option_text(v) for v in values] == ["0.1", "5", "0.00001", "3", "on", "off", "x"]


async def test_a_conversation(face: Face) -> None:
    await face.slash("close", ("symbol", 3, "xrp"), ("percent", 10, 50.0))
    assert face.wire.calls[-1][0] == "POST callback"
    assert face.embed["title"] == "Close XRPUSDT?"
    assert face.embed["fields"][0] == {"name": "size", "value": "5", "inline": True}
    assert face.wire.data["allowed_mentions"] == {"parse": []}
    await face.press("Confirm")
    assert face.wire.calls[-1][1]["type"] == 7
    assert face.embed["title"] == "Closed XRPUSDT"
    assert face.wire.data["components"] == []
    assert face.chat.desk.done == [("close", "XRPUSDT", Decimal("50.0"))]
    assert [draft.platform for draft in face.chat.audit.drafts] == ["discord"] * 2


async def test_the_flag_is_an_option(face: Face) -> None:
    await face.slash("panic_close", ("now", 5, True))
    assert face.chat.desk.done == [("panic_close", "")]


async def test_refusals_are_seen_by_the_asker_alone(face: Face) -> None:
    await face.slash("set_risk", ("amount", 10, 5000.0))
    assert face.wire.data["flags"] == 64
    await face.slash("status")
    assert not face.wire.data.get("flags")


async def test_strangers_and_other_channels_hear_nothing(face: Face) -> None:
    face.user = "666"
    await face.slash("status")
    face.user = USER
    data = {"id": "3", "name": "status", "type": 1, "options": [], "guild_id": GUILD}
    await face.client.tree._call(
        face.interaction(2, data, channel_id="56", channel=None) if False else elsewhere(face)
    )
    assert face.wire.calls == []
    assert face.chat.desk.done == []


def elsewhere(face: Face) -> discord.Interaction:
    channel = {"id": "56", "type": 0, "name": "other", "position": 0, "permission_overwrites": []}
    data = {"id": "3", "name": "status", "type": 1, "options": [], "guild_id": GUILD}
    return face.interaction(2, data, channel_id="56", channel=channel)


async def test_a_replayed_interaction_is_too_old(face: Face) -> None:
    data = {"id": "3", "name": "pause", "type": 1, "options": [], "guild_id": GUILD}
    old = face.interaction(2, data)
    face.chat.clock.forward(121_000)
    await face.client.tree._call(old)
    assert face.chat.desk.done == []
    assert face.embed["title"] == "Too late: /pause"


async def test_symbols_are_completed_for_the_crew_only(face: Face) -> None:
    assert await face.autocomplete("close", "symbol", "x") == ["XRPUSDT"]
    assert await face.autocomplete("status", "symbol", "") == ["XRPUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT"]
    face.user = "666"
    assert await face.autocomplete("status", "symbol", "") == []


async def test_slow_commands_ask_for_time(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord_chat, "_ANSWER_WITHIN_S", 0.02)
    face.chat.desk.gate = asyncio.Event()
    await face.slash("close", ("symbol", 3, "xrp"))
    asyncio.get_running_loop().call_later(0.1, face.chat.desk.gate.set)
    await face.press("Confirm")
    assert [name for name, _, _ in face.wire.calls] == ["POST callback", "POST callback", "PATCH @original"]
    assert face.wire.calls[1][1]["type"] == 6
    assert face.embed["title"] == "Closed XRPUSDT"


def connected(face: Face, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The client is there, and its channels write down what is sent into them."""
    sent: list[dict[str, Any]] = []

    class Channel(discord.abc.Messageable):
        async def _get_channel(self) -> Any:
            return self

        async def send(self, **how: Any) -> Any:  # type: ignore[override]
            sent.append(how)
            return SimpleNamespace(id=700 + len(sent))

    face.discord._client = face.client
    monkeypatch.setattr(face.client, "is_ready", lambda: True)
    monkeypatch.setattr(face.client, "get_channel", lambda number: Channel())
    return sent


class Gone:
    status, reason = 404, "Not Found"


GONE = discord.NotFound(Gone(), {"code": 10062, "message": "Unknown interaction"})  # type: ignore[arg-type]


async def test_an_answer_that_came_too_late_goes_into_the_channel(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = connected(face, monkeypatch)
    face.wire.fail = GONE
    await face.slash("pause")
    assert [how["embeds"][0].title for how in sent] == ["Paused"]


async def test_a_refusal_that_came_too_late_is_for_nobody(
    face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = connected(face, monkeypatch)
    face.wire.fail = GONE
    await face.slash("set_risk", ("amount", 10, 5000.0))
    assert sent == []


TABLE = Table((Column("symbol"), Column("PnL", "right")), (("XRP```", "+1"), ("@everyone", "-2")))


def test_rendering_is_harmless() -> None:
    made = messages(Reply("*T* @here", (("<@1>", "[x](http://y)"),), TABLE, "`a` @everyone"), None)
    embed = made[0].embed
    assert embed.title == "\\*T\\* @\u2060here"
    assert "ˋˋˋ" in str(embed.description)
    assert str(embed.description).endswith("\\`a\\` @\u2060everyone")
    assert embed.fields[0].name == "\\<@\u20601>"
    assert safe("_x_") == "\\_x\\_"


def test_long_replies_keep_within_the_limits_and_lose_nothing() -> None:
    rows = tuple((f"row{i}", f"{i}") for i in range(900))
    fields = tuple((f"label {i}", "v" * 700) for i in range(40))
    reply = Reply("t" * 300, fields, Table(TABLE.columns, rows), "end " * 2000, buttons=many(60))
    made = messages(reply, b"png")
    text = "".join(
        f"{one.embed.title}{one.embed.description}{[f.value for f in one.embed.fields]}" for one in made
    )
    assert all(f"row{i} " in text for i in range(900))
    assert text.count("v" * 700) == 40
    assert "t" * 300 in text
    assert text.count("end") == 2000
    assert [len(one.buttons) for one in made if one.buttons] == [25, 25, 10]
    for one in made:
        assert_within_limits(one.embed)


def many(number: int) -> tuple[Button, ...]:
    return tuple(Button(f"b{i}" * 30, "/x", ButtonStyle.DANGER, f"{i:032}") for i in range(number))


def assert_within_limits(embed: discord.Embed) -> None:
    assert len(embed) <= EMBED_LENGTH
    assert len(embed.title or "") <= 256
    assert len(embed.description or "") <= 4096
    assert len(embed.fields) <= 25
    assert all(
        1 <= len(field.name or "") <= 256 and 1 <= len(field.value or "") <= 1024 for field in embed.fields
    )


@given(
    st.text(max_size=400),
    st.text(max_size=9000),
    st.lists(st.tuples(st.text(max_size=400), st.text(max_size=2000)), max_size=30),
)
def test_whatever_is_rendered_fits(title: str, text: str, fields: list[tuple[str, str]]) -> None:
    for one in messages(Reply(title, tuple(fields), text=text), None):
        assert_within_limits(one.embed)


async def test_pictures_files_and_buttons_go_along() -> None:
    plot = BarPlot(("a",), (Decimal(1),), "PnL")
    made = messages(Reply("PnL", plot=plot, file=Attachment("a.csv", b"1"), buttons=many(2)), b"png")
    how = made[0].arguments(ephemeral=True)
    assert [file.filename for file in how["files"]] == ["a.csv", "picture.png"]
    assert made[0].embed.image.url == "attachment://picture.png"
    assert [item.custom_id for item in how["view"].children] == [f"{i:032}" for i in range(2)]
    assert how["view"].is_finished()


async def test_notices_wait_until_connected(face: Face) -> None:
    notice = Notice(NoticeKind.ENTRY, Severity.TRADE, START_MS, "Long")
    with pytest.raises(PlatformDown):
        await face.discord.say(CHANNEL, notice_reply(notice), False)


async def test_notices_go_to_their_channel(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = connected(face, monkeypatch)
    notice = Notice(NoticeKind.ENTRY, Severity.TRADE, START_MS, "Long", (("size", "1"),))
    await face.discord.say(CHANNEL, notice_reply(notice), True)
    assert (sent[0]["silent"], sent[0]["embeds"][0].title) == (True, "Long")


def test_only_guilds_are_asked_for_and_nobody_is_mentioned(face: Face) -> None:
    assert face.client.intents.value == discord.Intents(guilds=True).value
    mentions = face.client.allowed_mentions
    assert mentions is not None
    assert mentions.to_dict()["parse"] == []
    assert "sesame" not in repr(DiscordSettings("sesame"))


def test_other_addresses(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(
        discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    )
    face.discord.settings = DiscordSettings("t", (), "http://127.0.0.1:9/api/v10", "ws://127.0.0.1:9/gw")
    face.discord._point_elsewhere()
    assert discord.http.Route("GET", "/users/@me").url == "http://127.0.0.1:9/api/v10/users/@me"
    assert str(discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY) == "ws://127.0.0.1:9/gw"


def test_a_command_reads_well_by_itself(chat: Chat) -> None:
    command = chat.registry.find("status")
    assert command is not None

    async def answer(*given: object) -> None:
        """Not called here."""

    made = slash_command(command, answer, lambda interaction, parameter, typed: ())
    assert (made.name, made.description) == ("status", "Open positions and the state of the desk.")
