"""Threads, selects, deliveries that come twice, channels the app is not in."""

import asyncio
from typing import Any

import pytest
from aiohttp import WSMsgType
from slack_house import EPOCH_MS, SlackHouse, actions, linked, modal, section, slack_house
from virtual_loop import run_virtually, virtually

from sandbox.chat.slack import Impossible, Manifest


def select(own: str = "symbol") -> dict[str, Any]:
    texts = {"XRP": "Ripple", "BTC": "Bitcoin"}
    rows = [{"text": {"type": "plain_text", "text": text}, "value": value} for value, text in texts.items()]
    return {"type": "static_select", "action_id": own, "options": rows}


async def frame(wire: Any) -> Any:
    """The next envelope, acknowledged."""
    found = await asyncio.wait_for(wire.receive_json(), 60)
    await wire.send_json({"envelope_id": found["envelope_id"]})
    return found


async def test_a_thread_is_told_and_answered_in() -> None:
    async with slack_house() as house, linked(house) as wire:
        top = house.ann.mention(house.channel, "look")
        await frame(wire)
        house.ann.says(house.channel, f"<@{house.slack.world.bot.id}> at <this> & that", top.ts)
        event = (await frame(wire))["payload"]["event"]
        assert (event["type"], event["thread_ts"]) == ("app_mention", top.ts)
        assert event["text"] == "<@U0BOT> at &lt;this&gt; &amp; that"
        assert (await house.say(text="in it", thread_ts=top.ts))["ok"]
        assert [(one.text, one.thread_ts) for one in house.ann.sees(house.channel)][-1] == ("in it", top.ts)


async def test_options_of_a_select() -> None:
    async with slack_house() as house, linked(house) as wire:
        await house.say(
            text="pick", blocks=[{**section("pick"), "accessory": select()}, actions(select("other"))]
        )
        assert house.ann.sees(house.channel)[0].buttons[0].options == ("Ripple", "Bitcoin")
        house.ann.press(house.channel, "Bitcoin")
        payload = (await frame(wire))["payload"]
        assert payload["actions"][0]["selected_option"]["value"] == "BTC"
        assert payload["message"]["ts"] == house.ann.sees(house.channel)[0].ts
        with pytest.raises(Impossible):
            house.ann.press(house.channel, "Doge")


async def test_ephemeral_messages_come_without_their_content() -> None:
    async with slack_house() as house, linked(house) as wire:
        shown = {"text": "psst", "blocks": [actions(select())]}
        await house.call("chat.postEphemeral", channel=house.channel.id, user=house.ann.id, **shown)
        with pytest.raises(Impossible):
            house.bob.press(house.channel, "Ripple")
        house.ann.press(house.channel, "Ripple")
        payload = (await frame(wire))["payload"]
        assert payload["container"]["is_ephemeral"] is True
        assert "message" not in payload


@virtually
async def test_a_choice_in_a_modal() -> None:
    async with slack_house() as house, linked(house) as wire:
        label = {"type": "plain_text", "text": "Symbol"}
        blocks = [{"type": "input", "block_id": "b", "label": label, "element": select("s")}]
        trigger = house.slack.world.trigger(house.ann.user)
        body = {"trigger_id": trigger.id, "view": modal(blocks=blocks)}
        assert (await house.post(f"{house.slack.base_url}views.open", body, "xoxb-fake-of-the-tests"))[1][
            "ok"
        ]
        for wrong in ({}, {"Symbol": "Doge"}):
            with pytest.raises(Impossible):
                house.ann.submit(wrong)
        house.ann.submit({"Symbol": "Bitcoin"})
        values = (await frame(wire))["payload"]["view"]["state"]["values"]
        assert values["b"]["s"]["selected_option"]["value"] == "BTC"
        await asyncio.sleep(0.05)
        with pytest.raises(Impossible):
            house.ann.submit({"Symbol": "Bitcoin"})


async def test_the_same_thing_comes_twice() -> None:
    async with slack_house() as house, linked(house) as wire:
        first = house.ann.command(house.channel, "/status", "x")
        house.ann.again(first)
        one, two = await frame(wire), await frame(wire)
        assert one["payload"] == two["payload"]
        assert one["envelope_id"] != two["envelope_id"]


async def test_anything_can_be_delivered() -> None:
    async with slack_house() as house, linked(house) as wire:
        sent = house.slack.delivers("interactive", {"type": "nonsense", "actions": 5})
        found = await frame(wire)
        assert (found["envelope_id"], found["payload"]) == (sent.id, {"type": "nonsense", "actions": 5})
        await house.slack.world.bell.until(lambda: sent.acked, 60)
        assert house.slack.mode.failure(sent) == ""


async def heard(house: SlackHouse, wire: Any) -> list[str]:
    """Texts of all events until a command comes."""
    house.ann.command(house.channel, "/status")
    texts = []
    while (found := await frame(wire))["type"] == "events_api":
        texts.append(found["payload"]["event"]["text"])
    return texts


@pytest.mark.parametrize(
    "events,expected",
    [
        ((), []),
        (("app_mention", "message.im"), ["<@U0BOT> called", "private"]),
        (("message.channels",), ["plain"]),
    ],
)
async def test_only_what_is_subscribed_is_heard(events: tuple[str, ...], expected: list[str]) -> None:
    async with slack_house(Manifest(("/status",), events)) as house, linked(house) as wire:
        house.ann.says(house.channel, "plain")
        house.ann.mention(house.channel, "called")
        house.ann.dm("private")
        assert await heard(house, wire) == expected


async def test_where_the_app_is_not_it_hears_nothing() -> None:
    async with slack_house() as house, linked(house) as wire:
        house.channel.members.discard("U0BOT")
        house.ann.mention(house.channel, "called")
        house.channel.members.add("U0BOT")
        assert await heard(house, wire) == []


def test_a_connection_that_was_told_to_leave_gets_nothing_new_and_is_closed() -> None:
    async def work() -> None:
        async with slack_house() as house, linked(house) as old:
            house.slack.mode.refresh()
            assert (await old.receive_json())["reason"] == "refresh_requested"
            async with linked(house) as new:
                for text in ("a", "b", "c"):
                    house.ann.command(house.channel, "/status", text)
                assert [(await frame(new))["payload"]["text"] for _ in range(3)] == ["a", "b", "c"]
                began = asyncio.get_running_loop().time()
                assert (await old.receive()).type is WSMsgType.CLOSE
                assert 9 <= asyncio.get_running_loop().time() - began <= 11
                assert len(house.slack.mode.links) == 1

    run_virtually(work, EPOCH_MS)
