"""12,000 updates that no provider would send: nothing breaks, nothing is ordered, nothing changes, and a good
/status is answered afterwards.

Each is a valid update with one to five seeded mutations, taken in by the real library: python-telegram-bot's
`Update.de_json` and `process_update`, discord.py's parser of interactions, slack-bolt over its socket. None of the
originals may change anything by itself: those of the crew read or ask for a confirmation, whoever gives an order at
once or presses Confirm is not the one who may; a button id with its seal broken is pressed by its owner.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any

import orjson
import pytest
from attack_house import CALM, AttackHouse, Ways, attack_house
from house_parts import in_virtual_time, until
from mutants import Mutator
from telegram import Update
from whole_house import market

from handlers.pace import UNPACED, Pace
from handlers.platforms.telegram import TelegramChat

FRAMES = [market(CALM)]
ROOT = Path(__file__).parents[2]
EACH = {"telegram": 1_000, "discord": 1_000, "slack": 500}
PATIENT = "notices: {acknowledge_s: 3600}\n"
CREW_IDS = frozenset({"1", "2", "3", "8", "9", "U1", "U2"})
pytestmark = pytest.mark.filterwarnings("ignore:.*send_heartbeat:pytest.PytestUnraisableExceptionWarning")


@dataclass(slots=True)
class Tally:
    """What became of the mutants. `refused`: the library itself takes them for no update."""

    taken: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)


@asynccontextmanager
async def besieged(home: Path, platform: str) -> AsyncIterator[tuple[AttackHouse, Tally]]:
    """A house with an open position and one platform; at the end everything is as it was, and it answers."""
    tally, loop = Tally(), asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: tally.faults.append(str(context)))
    async with attack_house(home, FRAMES, Ways(on=(platform,), bars=2, config=PATIENT)) as house:
        await asyncio.sleep(30)
        assert house.house.desk.status().positions
        before, task_count = house.state(), len(house.running._tasks)
        yield house, tally
        await asyncio.sleep(60)
        assert house.state() == before
        assert not [task for task in house.running._tasks if task.done()], "a task of the run has died"
        assert len(house.running._tasks) == task_count
        assert [fault for fault in tally.faults if "discord/app_commands/tree.py" not in fault] == []
        assert tally.taken + tally.refused == EACH[platform]
        assert tally.taken >= EACH[platform] // 5, "most must get through the library to be a trial of ours"


def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of ours broke: what the libraries themselves refuse, and places that do not exist, may be logged."""
    broken = {_told(one) for one in caplog.records if one.levelno >= logging.ERROR and _is_ours(one)}
    assert not broken, sorted(broken)


def _is_ours(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[1]:
        return in_our_code(record.exc_info[1])
    if (
        record.name == "handlers.platforms.slack.listening"
    ):  # what slack-bolt says of bodies that it cannot route
        return False
    return record.name.startswith("handlers") and "refuses a message for" not in record.getMessage()


def in_our_code(error: BaseException) -> bool:
    """Whether it, or what it came of, was raised in the desk's own code."""
    here: TracebackType | None = error.__traceback__
    while here is not None and here.tb_next is not None:
        here = here.tb_next
    name = here.tb_frame.f_code.co_filename if here else ""
    return str(ROOT / "handlers") in name or (error.__cause__ is not None and in_our_code(error.__cause__))


def _told(record: logging.LogRecord) -> str:
    return (
        f"{record.name}: {record.getMessage()[:200]} {record.exc_info[1] if record.exc_info else ''!r:.200}"
    )


# Telegram


@pytest.mark.parametrize("seed", range(9))
def test_telegram(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    build = TelegramChat._application
    monkeypatch.setattr(TelegramChat, "_application", lambda self: made.append(build(self)) or made[-1])

    async def play() -> None:
        async with besieged(tmp_path, "telegram") as (house, tally):
            house.faces["telegram"].pace = Pace(UNPACED)
            house.telegram.box.world.rates.enforced = False
            await telegram_mutants(house, made[-1], Random(seed), tally)
            await house.faces["telegram"]._underway.finished()
            said = house.telegram.ann.says("/status XRPUSDT")
            assert "XRPUSDT" in (await house.telegram.ann.answer(said, 60)).text

    in_virtual_time(play)
    quiet(caplog)


async def telegram_mutants(house: AttackHouse, application: Any, lots: Random, tally: Tally) -> None:
    """Feed them in."""
    number = 800_000_000
    originals: list[dict[str, Any]] = []
    for count in range(EACH["telegram"]):
        if count % 100 == 0:
            originals = await telegram_originals(house, lots)
        number += 1
        body = Mutator(lots.randrange(2**32), frozenset({"kept"})).mutated(lots.choice(originals))
        body = harmless(body) if "update_id" in body else body
        body["update_id"] = (
            number if lots.random() < 0.9 else number - lots.randrange(50)
        )  # else one that came before
        try:
            update = Update.de_json(body, application.bot)
        except Exception:  # noqa: BLE001 (whatever the library says of it)
            tally.refused += 1
            continue
        if await taken(application, update):
            tally.taken += 1
        else:
            tally.refused += 1
        await asyncio.sleep(0.1)


async def taken(application: Any, update: Update) -> bool:
    """False when the library breaks of it before anything of ours sees it."""
    broken: list[BaseException] = []
    try:
        await application.process_update(update)
    except Exception as error:  # noqa: BLE001 (whatever the library says of it)
        broken.append(error)
    assert not any(map(in_our_code, broken)), broken
    return not broken


async def telegram_originals(house: AttackHouse, lots: Random) -> list[dict[str, Any]]:
    """Valid updates, caught on their way; none of them may change anything."""
    telegram, found = house.telegram, []
    card = await telegram.ann.answer(telegram.ann.says("/close XRPUSDT", telegram.group), 60)
    confirm = telegram.group.posts[card.message_id].markup["inline_keyboard"][0][0]["callback_data"]  # type: ignore[index]
    updates = type(telegram.box.world.updates)
    add, updates.add = updates.add, lambda self, kind, body: found.append({"update_id": 1, kind: body})  # type: ignore[assignment,misc]
    for room in (telegram.ann.home, telegram.group, telegram.strange):
        for line in (
            "/status",
            "/close_all",
            "/panic_close",
            "/set_risk 50",
            "/long XRPUSDT",
            "/note XRPUSDT x",
            "/equity",
        ):
            telegram.ann.says(line, room)
        for line in ("/panic_close now", "/pause", "/status", "/resume"):
            telegram.eve.says(line, room)
            telegram.vic.says(line, room) if line != "/resume" else None
    for person in (telegram.bea, telegram.eve, telegram.vic):
        person.forges(confirm, card.message_id, telegram.group)
    for _ in range(6):
        at = lots.randrange(1, len(confirm))
        telegram.ann.forges(
            confirm[:at] + ("A" if confirm[at] != "A" else "B") + confirm[at + 1 :],
            card.message_id,
            telegram.group,
        )
        telegram.ann.forges(confirm[:at], card.message_id, telegram.group)
    telegram.eve.removes_bot(telegram.strange)
    updates.add = add  # type: ignore[method-assign]
    return found


def harmless(body: dict[str, Any]) -> dict[str, Any]:
    """A mutation must not make a stranger one of the crew: that would be another, valid update."""
    message = body.get("message") or {}
    sender = message.get("from") if isinstance(message, dict) else None
    text = message.get("text") if isinstance(message, dict) else None
    if isinstance(sender, dict) and str(sender.get("id")) in CREW_IDS and str(text) not in SAFE_OF_CREW:
        message["text"] = "/status"
    query = body.get("callback_query")
    if (
        isinstance(query, dict)
        and isinstance(query.get("from"), dict)
        and query["from"].get("id") in (1, True)
    ):
        query["from"]["id"] = 666
    return body


SAFE_OF_CREW = {"/status", "/close_all", "/panic_close", "/set_risk 50", "/long XRPUSDT", "/equity"}


# Discord


@pytest.mark.parametrize("seed", range(2))
def test_discord(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with besieged(tmp_path, "discord") as (house, tally):
            house.faces["discord"].pace = Pace(UNPACED)
            lots = Random(1000 + seed)
            for count in range(EACH["discord"]):
                client = house.faces["discord"]._client
                body = await discord_mutant(house, lots, count)
                try:
                    client._connection.parse_interaction_create(body)
                except Exception:  # noqa: BLE001 (whatever the library says of it)
                    tally.refused += 1
                else:
                    tally.taken += 1
                await asyncio.sleep(0.1)
            await asyncio.sleep(120)
            house.discord.ann.slash(house.discord.channel, "status", {"symbol": "XRPUSDT"})
            assert "XRPUSDT" in (await house.discord.ann.answer(60)).text

    in_virtual_time(play)
    quiet(caplog)


async def discord_mutant(house: AttackHouse, lots: Random, count: int) -> dict[str, Any]:
    """A fresh interaction that the gateway has kept back, mutated."""
    discord = house.discord
    kept: list[dict[str, Any]] = []
    world = discord.box.world
    publish, world.publish = world.publish, lambda kind, body, guild: kept.append(body)
    try:
        match count % 6:
            case 0:
                discord.ann.slash(discord.channel, "status")
            case 1:
                discord.ann.slash(discord.channel, "close", {"symbol": "XRPUSDT"})
            case 2:
                discord.eve.slash(discord.channel, "panic_close", {"now": True})
            case 3:
                discord.ann.slash(discord.channel, "set_risk", {"amount": 50})
            case 4:
                discord.eve.slash(discord.channel, "pause")
            case _:
                discord.ann.slash(discord.channel, "equity")
    finally:
        world.publish = publish
    body = Mutator(lots.randrange(2**32)).mutated(kept[-1])
    member = body.get("member")
    user = member.get("user") if isinstance(member, dict) else None
    if count % 6 in (2, 4) and isinstance(user, dict) and str(user.get("id")) in CREW_IDS:
        user["id"] = "666"
    data = body.get("data")
    if (
        count % 6 not in (2, 4)
        and isinstance(data, dict)
        and data.get("name") not in ("status", "close", "set_risk", "equity")
    ):
        data["name"] = "status"
    return body


@pytest.mark.parametrize("times", [5])
def test_discord_over_the_wire_the_face_comes_back(tmp_path: Path, times: int) -> None:
    """What the library itself breaks of is a new login, no end of the platform."""

    async def play() -> None:
        async with attack_house(tmp_path, FRAMES, Ways(on=("discord",), bars=2, config=PATIENT)) as house:
            before = house.state()
            for body in (
                {},
                {"id": []},
                {"type": "x"},
                {"data": 5, "type": 2},
                {"id": "1", "type": 3, "member": {}},
            )[:times]:
                house.discord.box.delivers("INTERACTION_CREATE", body)
                await asyncio.sleep(60)
            await house.connected("discord", 1200)
            house.discord.ann.slash(house.discord.channel, "status", {"symbol": "XRPUSDT"})
            assert "XRPUSDT" in (await house.discord.ann.answer(60)).text
            assert house.state() == before

    in_virtual_time(play)


# Slack


@pytest.mark.parametrize("seed", range(2))
def test_slack(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        async with besieged(tmp_path, "slack") as (house, tally):
            house.faces["slack"].pace = Pace(UNPACED)
            lots = Random(2000 + seed)
            for count in range(EACH["slack"]):
                kind, body = slack_mutant(house, lots, count)
                try:
                    orjson.dumps(body)
                except (TypeError, orjson.JSONEncodeError):
                    tally.refused += 1  # no JSON: it cannot come over the socket
                    continue
                tally.taken += 1
                house.slack.box.delivers(kind, body, kind != "events_api")
                await asyncio.sleep(0.2)
            await asyncio.sleep(300)
            house.slack.ann.dm("status XRPUSDT")
            await until(lambda: any("XRPUSDT" in head for head in texts(house)), 300)

    in_virtual_time(play)
    quiet(caplog)


def texts(house: AttackHouse) -> list[str]:
    """What Ann sees in private."""
    return [seen.text for seen in house.slack.ann.sees(house.slack.ann.private)]


def slack_mutant(house: AttackHouse, lots: Random, count: int) -> tuple[str, dict[str, Any]]:
    """A fresh envelope that the socket has kept back, mutated."""
    slack = house.slack
    mode = slack.box.mode
    links, mode.links = mode.links, []
    crew = count % 6 not in (2, 4)
    match count % 6:
        case 0:
            envelope = slack.ann.command(slack.channel, "/quarterdeck", "status")
        case 1:
            slack.ann.dm("close XRPUSDT")
            envelope = slack.ann.last  # type: ignore[assignment]
        case 2:
            slack.eve.mention(slack.channel, "panic_close now")
            envelope = slack.eve.last  # type: ignore[assignment]
        case 3:
            slack.ann.dm("set_risk 50")
            envelope = slack.ann.last  # type: ignore[assignment]
        case 4:
            envelope = slack.eve.command(slack.channel, "/quarterdeck", "pause")
        case _:
            slack.ann.mention(slack.channel, "equity")
            envelope = slack.ann.last  # type: ignore[assignment]
    mode.links = links
    body = Mutator(
        lots.randrange(2**32), frozenset({"command", "text"} if crew else {"user", "user_id"})
    ).mutated(envelope.payload)
    return envelope.kind, body
