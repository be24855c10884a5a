"""A sandbox of Slack with a channel and two people, an app made with slack-bolt, and bare requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.chat.slack import Manifest, Person, SlackRules, SlackSandbox
from sandbox.chat.slack.nouns import Channel

BOT, APP = "xoxb-fake-of-the-tests", "xapp-fake-of-the-tests"
EPOCH_MS = 1_700_000_000_000
MANIFEST = Manifest(("/status", "/card", "/form", "/late", "/later", "/quiet"))


@dataclass(slots=True)
class SlackHouse:
    """The sandbox and who is in it."""

    slack: SlackSandbox
    channel: Channel
    ann: Person
    bob: Person
    session: ClientSession
    skipped: list[float]

    def pass_s(self, seconds: float) -> None:
        """Let time pass on the sandbox's clocks."""
        self.skipped[0] += seconds

    async def call(self, method: str, token: str = BOT, **body: Any) -> dict[str, Any]:
        """A bare web method; its limits are not what is tried here."""
        self.pass_s(61)
        return (await self.post(f"{self.slack.base_url}{method}", body, token))[1]

    async def post(self, url: str, body: Any, token: str = "") -> tuple[int, Any]:
        """Status and answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.post(url, json=body, headers=headers) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else await answer.text()

    async def say(self, **body: Any) -> dict[str, Any]:
        """A message into the channel."""
        return await self.call("chat.postMessage", channel=self.channel.id, **body)


@asynccontextmanager
async def slack_house(
    manifest: Manifest = MANIFEST, rules: SlackRules | None = None
) -> AsyncIterator[SlackHouse]:
    """Up and running, without an app; the clocks are the loop's, plus what was skipped."""
    loop, skipped = asyncio.get_running_loop(), [0.0]

    def seconds() -> float:
        return loop.time() + skipped[0]

    sandbox = SlackSandbox(BOT, APP, lambda: EPOCH_MS + int(seconds() * 1000), manifest, rules, seconds)
    async with sandbox, ClientSession() as session:
        channel = sandbox.world.add_channel("orders")
        ann, bob = sandbox.person("ann", channel), sandbox.person("bob", channel)
        yield SlackHouse(sandbox, channel, ann, bob, session, skipped)


@dataclass(slots=True)
class Bot:
    """slack-bolt's app; `heard` is all it got."""

    app: AsyncApp
    handler: AsyncSocketModeHandler
    heard: list[str] = field(default_factory=list)
    late_s: float = 0.0


def button(label: str, own: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": {"type": "plain_text", "text": label}, "action_id": own, **more}


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def actions(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(parts)}


def modal(**more: Any) -> dict[str, Any]:
    entry = {"type": "plain_text_input", "action_id": "why", "max_length": 20}
    label = {"type": "plain_text", "text": "Reason"}
    blocks = [{"type": "input", "block_id": "reason", "label": label, "element": entry}]
    title, submit = {"type": "plain_text", "text": "Why"}, {"type": "plain_text", "text": "Send"}
    return {"type": "modal", "title": title, "submit": submit, "blocks": blocks, "callback_id": "why", **more}


def built(bot: Bot) -> None:
    """What the app does."""
    commands(bot, bot.app)
    forms(bot, bot.app)
    events(bot, bot.app)


def commands(bot: Bot, app: AsyncApp) -> None:

    @app.command("/status")
    async def status(ack: Any, body: Any, respond: Any) -> None:
        bot.heard.append(f"{body['command']} {body['text']}")
        await ack()
        await respond(f"status of {body['text']}", response_type="in_channel")

    @app.command("/quiet")
    async def quiet(ack: Any) -> None:
        await ack("at once")

    @app.command("/card")
    async def card(ack: Any, say: Any) -> None:
        bot.heard.append("/card")
        await ack()
        await say(
            text="card", blocks=[section("count *0*"), actions(button("More", "more"), button("Own", "own"))]
        )

    @app.action("more")
    async def more(ack: Any, body: Any, client: Any) -> None:
        bot.heard.append("more")
        await ack()
        place = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        await client.chat_update(
            **place, text="card", blocks=[section("count 1"), actions(button("More", "more"))]
        )

    @app.action("own")
    async def own(ack: Any, respond: Any) -> None:
        await ack()
        await respond("only for you", replace_original=False)


def forms(bot: Bot, app: AsyncApp) -> None:
    @app.command("/form")
    async def form(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await asyncio.sleep(bot.late_s)
        await client.views_open(
            trigger_id=body["trigger_id"], view=modal(private_metadata=body["channel_id"])
        )

    @app.view("why")
    async def why(ack: Any, view: Any, client: Any) -> None:
        value = view["state"]["values"]["reason"]["why"]["value"]
        if value == "none":
            await ack(response_action="errors", errors={"reason": "give one"})
            return
        await ack()
        await client.chat_postMessage(channel=view["private_metadata"], text=f"because {value}")


def events(bot: Bot, app: AsyncApp) -> None:
    @app.command("/late")
    async def late(ack: Any, body: Any, say: Any) -> None:
        bot.heard.append("/late")
        await asyncio.sleep(bot.late_s)
        await ack("late")

    @app.event("app_mention")
    async def mentioned(event: Any, say: Any) -> None:
        bot.heard.append(event["text"])
        await say("you called")

    @app.event("message")
    async def message(event: Any, say: Any) -> None:
        bot.heard.append(f"{event.get('subtype', 'dm')} {event.get('text')}")
        await asyncio.sleep(bot.late_s)
        if "subtype" not in event:
            await say(f"heard {event['text']}")


@asynccontextmanager
async def running(house: SlackHouse) -> AsyncIterator[Bot]:
    """slack-bolt in Socket Mode, connected; it is closed at the end."""
    app = AsyncApp(client=AsyncWebClient(BOT, base_url=house.slack.base_url), process_before_response=False)
    handler = AsyncSocketModeHandler(app, APP, web_client=AsyncWebClient(base_url=house.slack.base_url))
    bot = Bot(app, handler)
    built(bot)
    try:
        await handler.connect_async()
        assert await house.slack.connected()
        yield bot
    finally:
        await handler.close_async()


@asynccontextmanager
async def linked(house: SlackHouse) -> AsyncIterator[ClientWebSocketResponse]:
    """A bare connection of Socket Mode."""
    opened = await house.call("apps.connections.open", APP)
    async with house.session.ws_connect(opened["url"]) as wire:
        assert (await wire.receive_json())["type"] == "hello"
        yield wire
