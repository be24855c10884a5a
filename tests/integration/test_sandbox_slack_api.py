"""What Slack refuses, refused by the sandbox: bare requests, one rule each."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_house import APP, BOT, EPOCH_MS, SlackHouse, actions, button, linked, modal, section, slack_house
from virtual_loop import run_virtually

from sandbox.chat.slack import NoAnswer, SlackRules
from sandbox.chat.slack.nouns import Respond


@pytest.fixture
async def house() -> AsyncIterator[SlackHouse]:
    async with slack_house() as made:
        yield made


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def options(count: int, text: str = "o", value: str = "v") -> list[dict[str, Any]]:
    return [{"text": plain(f"{text}{n}"), "value": f"{value}{n}"} for n in range(count)]


def select(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "s", "options": options(1), **more}


def table(rows: int, columns: int) -> dict[str, Any]:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * columns] * rows}


FITS: list[list[dict[str, Any]]] = [
    [{"type": "divider"}] * 50,
    [{"type": "header", "text": plain("x" * 150)}],
    [section("x" * 3000)],
    [{"type": "section", "fields": [plain("x" * 2000)] * 10}],
    [actions(*(button("x" * 75, str(n), value="v" * 2000) for n in range(25)))],
    [actions(button("x", "a" * 255))],
    [actions(button("x", "a")), actions(button("x", "a"))],
    [actions(select(options=options(100)))],
    [table(100, 20)],
    [{"type": "markdown", "text": "x" * 12_000}],
    [{"type": "context", "elements": [plain("x")] * 10}],
    [{"type": "image", "image_url": "https://example.invalid/a.png", "alt_text": "a"}],
]


@pytest.mark.parametrize("blocks", FITS, ids=range(len(FITS)))
async def test_blocks_at_the_limits_are_taken(house: SlackHouse, blocks: list[dict[str, Any]]) -> None:
    answer = await house.say(text="fallback", blocks=blocks)
    assert answer["ok"], answer


BROKEN: list[tuple[list[dict[str, Any]], str]] = [
    ([{"type": "divider"}] * 51, "/blocks"),
    ([{"type": "header", "text": plain("x" * 151)}], "/blocks/0/text/text"),
    ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/text/type"),
    ([{"type": "header"}], "/blocks/0/text"),
    ([section("x" * 3001)], "/blocks/0/text/text"),
    ([section("")], "/blocks/0/text/text"),
    ([{"type": "section"}], "/blocks/0"),
    ([{"type": "section", "fields": [plain("x")] * 11}], "/blocks/0/fields"),
    ([{"type": "section", "fields": [plain("x" * 2001)]}], "/blocks/0/fields/0/text"),
    ([actions()], "/blocks/0/elements"),
    ([actions(*(button("x", str(n)) for n in range(26)))], "/blocks/0/elements"),
    ([actions(button("x" * 76, "a"))], "/blocks/0/elements/text/text"),
    ([actions(button("", "a"))], "/blocks/0/elements/text/text"),
    ([actions(button("x", "a", value="v" * 2001))], "/blocks/0/elements/value"),
    ([actions(button("x", "a" * 256))], "/blocks/0/elements/action_id"),
    ([actions(button("x", "a"), button("y", "a"))], "/blocks/0/elements/1/action_id"),
    ([actions(button("x", "a", style="secondary"))], "/blocks/0/elements/style"),
    ([actions(select(options=options(101)))], "/blocks/0/elements/options"),
    ([actions(select(options=options(1, "x" * 75)))], "/blocks/0/elements/options/0/text/text"),
    ([actions(select(options=options(1, value="v" * 150)))], "/blocks/0/elements/options/0/value"),
    ([actions({"type": "plain_text_input", "action_id": "a"})], "/blocks/0/elements/type"),
    ([{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}], "/blocks/1/block_id"),
    ([{"type": "divider", "block_id": "a" * 256}], "/blocks/0/block_id"),
    ([{"type": "unheard"}], "/blocks/0/type"),
    ([table(101, 1)], "/blocks/0/rows"),
    ([table(1, 21)], "/blocks/0/rows/0"),
    ([{"type": "markdown", "text": "x" * 12_001}], "/blocks/0/text"),
    ([{"type": "markdown", "text": "x" * 7_000}] * 2, "/blocks"),
    ([{"type": "context", "elements": [plain("x")] * 11}], "/blocks/0/elements"),
    ([{"type": "image", "image_url": "https://example.invalid/a.png"}], "/blocks/0/alt_text"),
]


@pytest.mark.parametrize("blocks,pointer", BROKEN, ids=[pointer for _, pointer in BROKEN])
async def test_blocks_over_a_limit_are_refused(
    house: SlackHouse, blocks: list[dict[str, Any]], pointer: str
) -> None:
    answer = await house.say(text="fallback", blocks=blocks)
    assert (answer["ok"], answer["error"]) == (False, "invalid_blocks")
    assert any(f"[json-pointer:{pointer}]" in told for told in answer["response_metadata"]["messages"])
    assert house.ann.sees(house.channel) == []


async def test_texts_and_places(house: SlackHouse) -> None:
    slack, channel = house.slack, house.channel
    assert (await house.say(text="x" * 40_000))["ok"]
    assert (await house.say(text="x" * 40_001))["error"] == "msg_too_long"
    assert (await house.say())["error"] == "no_text"
    assert (await house.say(text="x", blocks=[table(1, 1)] * 2))["error"] == "invalid_attachments"
    assert (await house.call("chat.postMessage", channel="C9", text="x"))["error"] == "channel_not_found"
    assert (await house.say(text="x", thread_ts="1.000000"))["error"] == "thread_not_found"
    channel.members.discard(slack.world.bot.id)
    assert (await house.say(text="x"))["error"] == "not_in_channel"
    channel.members.add(slack.world.bot.id)
    channel.archived = True
    assert (await house.say(text="x"))["error"] == "is_archived"
    direct = await house.call("conversations.open", users=house.ann.id)
    assert (await house.call("chat.postMessage", channel=direct["channel"]["id"], text="hello"))["ok"]
    assert [one.text for one in house.ann.sees(house.ann.private)] == ["hello"]
    assert (await house.call("conversations.open", users="U9"))["error"] == "user_not_found"
    assert (await house.call("conversations.info", channel=channel.id))["channel"]["name"] == "orders"
    assert (await house.call("users.info", user=house.ann.id))["user"]["name"] == "ann"
    assert (await house.call("auth.test"))["user_id"] == slack.world.bot.id


async def test_messages_are_changed_and_removed(house: SlackHouse) -> None:
    made = await house.say(text="one", blocks=[section("one"), actions(button("Yes", "yes"))])
    place = {"channel": house.channel.id, "ts": made["ts"]}
    assert (await house.call("chat.update", **place, text="two"))["ok"]
    assert [(one.text, one.labels, one.edited) for one in house.ann.sees(house.channel)] == [
        ("one", ("Yes",), True)
    ]
    assert (await house.call("chat.update", **place, text="two", blocks=[]))["ok"]
    assert [(one.text, one.labels) for one in house.ann.sees(house.channel)] == [("two", ())]
    foreign = {"channel": house.channel.id, "ts": house.ann.says(house.channel, "mine").ts}
    assert (await house.call("chat.update", **foreign, text="x"))["error"] == "cant_update_message"
    assert (await house.call("chat.delete", **foreign))["error"] == "cant_delete_message"
    hidden = await house.call("chat.postEphemeral", channel=house.channel.id, user=house.ann.id, text="psst")
    secret = {"channel": house.channel.id, "ts": hidden["message_ts"]}
    assert (await house.call("chat.update", **secret, text="x"))["error"] == "message_not_found"
    assert [one.text for one in house.bob.sees(house.channel)] == ["two", "mine"]
    assert (await house.call("chat.delete", **place))["ok"]
    assert (await house.call("chat.delete", **place))["error"] == "message_not_found"
    assert [one.text for one in house.ann.sees(house.channel)] == ["mine", "psst"]
    stranger = house.slack.person("eve")
    away = {"channel": house.channel.id, "user": stranger.id, "text": "x"}
    assert (await house.call("chat.postEphemeral", **away))["error"] == "user_not_in_channel"


async def test_tokens(house: SlackHouse) -> None:
    assert (await house.call("auth.test", ""))["error"] == "not_authed"
    assert (await house.call("auth.test", "xoxb-wrong"))["error"] == "invalid_auth"
    assert (await house.call("auth.test", APP))["error"] == "not_allowed_token_type"
    assert (await house.call("apps.connections.open", BOT))["error"] == "not_allowed_token_type"
    assert (await house.call("chat.unheard"))["error"] == "unknown_method"
    url = f"{house.slack.base_url}chat.postMessage"
    headers = {"Authorization": f"Bearer {BOT}", "Content-Type": "application/json"}
    async with house.session.post(url, data=b"{", headers=headers) as answer:
        assert (await answer.json())["error"] == "invalid_json"
    form = {"token": BOT, "channel": house.channel.id, "blocks": "[{"}
    async with house.session.post(url, data=form) as answer:
        assert (await answer.json())["error"] == "invalid_blocks_format"


async def test_whom_a_message_would_ping(house: SlackHouse) -> None:
    says = "<!channel> <!here> <@U0001> <!subteam^S1|@desk> @everyone &lt;!channel&gt;"
    everybody = ("!channel", "!here", "@U0001", "!subteam^S1")
    await house.say(text=says)
    await house.say(text="x", blocks=[section(says)])
    await house.say(text="x", blocks=[{"type": "section", "text": plain(says)}])
    await house.say(text="@everyone", link_names=True)
    await house.say(text="&lt;!channel&gt; &lt;@U0001&gt; @channel")
    found = [message.pings for message in house.slack.world.all_messages()]
    assert found == [everybody, everybody, (), ("!everyone",), ()]


WRONG_VIEWS: list[tuple[dict[str, Any], str]] = [
    (modal(title=plain("x" * 25)), "/view/title/text"),
    (modal(submit=plain("x" * 25)), "/view/submit/text"),
    (modal(submit=None), "/view/submit"),
    (modal(private_metadata="x" * 3001), "/view/private_metadata"),
    (modal(callback_id="x" * 256), "/view/callback_id"),
    (modal(blocks=[{"type": "divider"}] * 101), "/view/blocks"),
    (modal(type="home"), "/view/type"),
    (modal(blocks=[table(1, 1)]), "/view/blocks/0/type"),
    (
        modal(blocks=[{"type": "input", "label": plain("x"), "element": button("x", "a")}]),
        "/view/blocks/0/element/type",
    ),
]


@pytest.mark.parametrize("view,pointer", WRONG_VIEWS, ids=[pointer for _, pointer in WRONG_VIEWS])
async def test_modals_over_a_limit_are_refused(house: SlackHouse, view: dict[str, Any], pointer: str) -> None:
    house.pass_s(61)
    trigger = house.slack.world.trigger(house.ann.user)
    url = f"{house.slack.base_url}views.open"
    _, answer = await house.post(url, {"trigger_id": trigger.id, "view": view}, BOT)
    assert answer["error"] == "invalid_arguments"
    assert any(f"[json-pointer:{pointer}]" in told for told in answer["response_metadata"]["messages"])
    _, answer = await house.post(
        url, {"trigger_id": trigger.id, "view": modal(private_metadata="x" * 3000)}, BOT
    )
    assert answer["ok"]


async def test_a_trigger_opens_one_modal_within_three_seconds(house: SlackHouse) -> None:
    world, url = house.slack.world, f"{house.slack.base_url}views.open"
    late = world.trigger(house.ann.user)
    house.pass_s(3.1)
    used = world.trigger(house.ann.user)
    house.pass_s(2.9)
    opened = (await house.post(url, {"trigger_id": used.id, "view": modal()}, BOT))[1]
    answers = [
        (await house.post(url, {"trigger_id": one, "view": modal()}, BOT))[1]
        for one in (used.id, late.id, "x")
    ]
    errors = ["exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id"]
    assert [answer["error"] for answer in answers] == errors
    view = {"view_id": opened["view"]["id"], "view": modal(title=plain("Other"))}
    assert (await house.call("views.update", **view, hash=opened["view"]["hash"]))["view"]["title"][
        "text"
    ] == "Other"
    assert (await house.call("views.update", **view, hash=opened["view"]["hash"]))["error"] == "hash_conflict"
    assert (await house.call("views.update", view_id="V9", view=modal()))["error"] == "not_found"


def respond_url(house: SlackHouse) -> tuple[str, Respond]:
    made = house.slack.world.respond(house.ann.user, house.channel)
    return f"{house.slack.base_url.removesuffix('api/')}respond/{made.key}", made


async def test_a_response_address_serves_five_times_for_half_an_hour(house: SlackHouse) -> None:
    url, _ = respond_url(house)
    assert await house.post(url, {}) == (400, "no_text")
    assert await house.post(url, {"text": "one"}) == (200, "ok")
    assert await house.post(url, {"text": "two", "replace_original": True}) == (200, "ok")
    assert [(one.text, one.ephemeral) for one in house.ann.sees(house.channel)] == [("two", True)]
    assert await house.post(url, {"delete_original": True}) == (200, "ok")
    assert house.ann.sees(house.channel) == []
    assert await house.post(url, {"text": "all", "response_type": "in_channel"}) == (200, "ok")
    assert [one.text for one in house.bob.sees(house.channel)] == ["all"]
    assert (await house.post(url, {"text": "six"}))[1]["error"] == "used_url"
    other, _ = respond_url(house)
    house.pass_s(1801)
    assert await house.post(other, {"text": "late"}) == (404, {"ok": False, "error": "expired_url"})


async def test_incoming_webhooks(house: SlackHouse) -> None:
    url = house.slack.webhook_url(house.channel)
    assert await house.post(url, {"text": "up"}) == (200, "ok")
    assert await house.post(url, {}) == (400, "no_text")
    async with house.session.post(url, data={"payload": '{"text": "by form"}'}) as answer:
        assert answer.status == 200
    house.pass_s(5)
    async with house.session.post(url, data=b"{", headers={"Content-Type": "application/json"}) as answer:
        assert (answer.status, await answer.text()) == (400, "invalid_payload")
    assert await house.post(f"{url}x", {"text": "x"}) == (404, "no_service")
    house.pass_s(5)
    statuses = [(await house.post(url, {"text": str(n)}))[0] for n in range(4)]
    assert statuses == [200, 200, 200, 429]
    house.pass_s(1.1)
    assert (await house.post(url, {"text": "after a second"}))[0] == 200
    assert house.slack.calls.holding(url.rpartition("/")[2].encode()) == []


async def test_one_message_a_second_in_a_channel_and_tiers_for_the_rest(house: SlackHouse) -> None:
    url, body = f"{house.slack.base_url}chat.postMessage", {"channel": house.channel.id, "text": "x"}
    assert [(await house.post(url, body, BOT))[0] for _ in range(4)] == [200, 200, 200, 429]
    async with house.session.post(url, json=body, headers={"Authorization": f"Bearer {BOT}"}) as answer:
        told = await answer.json()
        assert (answer.headers["Retry-After"], told["error"]) == ("1", "ratelimited")
    other = house.slack.world.add_channel("other")
    assert (await house.post(url, {"channel": other.id, "text": "x"}, BOT))[0] == 200
    house.pass_s(1.1)
    assert (await house.post(url, body, BOT))[0] == 200
    info = f"{house.slack.base_url}conversations.info"
    statuses = [(await house.post(info, {"channel": other.id}, BOT))[0] for _ in range(51)]
    assert statuses == [200] * 50 + [429]


async def test_uploads(house: SlackHouse) -> None:
    asked = await house.call("files.getUploadURLExternal", filename="a.png", length="3")
    complete = {"files": [{"id": asked["file_id"]}], "channel_id": house.channel.id}
    assert (await house.call("files.completeUploadExternal", **complete))["error"] == "file_not_found"
    for content, status in ((b"four", 400), (b"abc", 200), (b"abc", 404)):
        async with house.session.post(asked["upload_url"], data=content) as answer:
            assert answer.status == status
    assert (await house.call("files.completeUploadExternal", **complete))["ok"]
    assert [one.files for one in house.ann.sees(house.channel)] == [{"a.png": b"abc"}]
    assert (await house.call("files.completeUploadExternal", **complete))["error"] == "file_not_found"
    assert (await house.call("files.getUploadURLExternal", filename="a.png"))["error"] == "invalid_arguments"


async def test_tickets_are_good_once_and_for_half_a_minute(house: SlackHouse) -> None:
    opened = await house.call("apps.connections.open", APP)
    async with house.session.ws_connect(opened["url"]) as wire:
        assert (await wire.receive_json())["connection_info"] == {"app_id": "A0"}
    async with house.session.get(opened["url"]) as answer:
        assert answer.status == 401
    late = await house.call("apps.connections.open", APP)
    house.pass_s(31)
    async with house.session.get(late["url"]) as answer:
        assert answer.status == 401


async def test_envelopes_go_to_one_connection_each(house: SlackHouse) -> None:
    async with linked(house) as one, linked(house) as two:
        for text in ("a", "b"):
            house.ann.command(house.channel, "/status", text)
        frames = [await asyncio.wait_for(wire.receive_json(), 60) for wire in (one, two)]
        assert {frame["payload"]["text"] for frame in frames} == {"a", "b"}
        assert all(frame["accepts_response_payload"] for frame in frames)
        await two.send_json({"envelope_id": frames[1]["envelope_id"], "payload": {"text": "acked"}})
        await house.slack.world.bell.until(lambda: bool(house.ann.sees(house.channel)), 60)
        assert [one.text for one in house.ann.sees(house.channel)] == ["acked"]
        house.pass_s(3.1)
        await one.send_json({"envelope_id": frames[0]["envelope_id"], "payload": {"text": "too late"}})
        await house.slack.world.bell.until(lambda: any(one.late for one in house.ann.failures), 60)
        await asyncio.sleep(0.05)
        assert [one.text for one in house.ann.sees(house.channel)] == ["acked"]
        assert [one.late for one in house.ann.failures] == [True]


async def test_ten_connections_are_the_most() -> None:
    async with slack_house(rules=SlackRules(connections=1)) as house, linked(house):
        opened = await house.call("apps.connections.open", APP)
        async with house.session.ws_connect(opened["url"]) as wire:
            assert (await wire.receive_json())["reason"] == "too_many_websockets"


def test_nobody_acknowledges() -> None:
    async def work() -> float:
        async with slack_house() as house, linked(house):
            house.ann.command(house.channel, "/status")
            began = asyncio.get_running_loop().time()
            with pytest.raises(NoAnswer, match="operation_timeout"):
                await house.ann.answer()
            return asyncio.get_running_loop().time() - began

    assert 3.0 <= run_virtually(work, EPOCH_MS) < 3.1


def test_events_are_delivered_four_times_at_most() -> None:
    async def work() -> None:
        async with slack_house() as house, linked(house) as wire:
            house.ann.dm("hello")
            began = asyncio.get_running_loop().time()
            frames = [await wire.receive_json() for _ in range(4)]
            assert 360 <= asyncio.get_running_loop().time() - began <= 400
            assert [frame["retry_attempt"] for frame in frames] == [0, 1, 2, 3]
            assert len({frame["payload"]["event_id"] for frame in frames}) == 1
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(wire.receive_json(), 3600)

    run_virtually(work, EPOCH_MS)
