"""Secrets are planted wherever the desk holds or meets them, everything is asked and much is broken: none comes out.

Looked through, in every encoding: all bytes that reached the platforms (pictures and files among them), the log, the
console, the whole database file, the heartbeat, and whatever else lies in the home.
"""

import asyncio
import base64
import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from attack_house import ALL, CALM, TOKENS, AttackHouse, Ways, Worlds, attack_house
from house_parts import in_virtual_time
from whole_house import market

from bot.config.secrets import Secrets, secret_names
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.engine.engine import Engine
from bot.runtime.log import close_logging, set_up_logging
from bot.runtime.redaction import Redactor
from bot.runtime.trading_desk import TradingDesk
from bot.venues.port import VenueUnavailable
from cli.front import SALT_FILE
from handlers.pace import UNPACED, Pace
from sandbox.chat.discord.people import Impossible
from sandbox.chat.troubles import Trouble

FRAMES = [market(CALM)]
PATIENT = "notices: {acknowledge_s: 3600}\n"
PLANTED = {
    "BINANCE_API_KEY": "canaryBinanceKey0000000000000000000000000000000000000000000000aA",
    "BINANCE_API_SECRET": "canaryBinanceSecret+/=00000000000000000000000000000000000000aB",
    "BYBIT_API_KEY": "canaryBybitKey0aC",
    "BYBIT_API_SECRET": 'canaryBybit"Secret\\00000000000000000aD',
    "WATCHDOG_TOKEN": "654321:canary-watchdog-token-000000000000aE",
    "HEARTBEAT_URL": "https://heartbeat.invalid/canary-heartbeat-aF",
}
SECRETS = {**TOKENS, **PLANTED}
ARGUMENTS = {
    "symbol": "XRPUSDT", "amount": "50", "percent": "50", "price": "0.5", "n": "5", "days": "3", "text": "hello",
    "user": "telegram:77",
    "role": "viewer", "name": "daily_loss", "value": "5", "reason": "a test", "command": "/status",
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:.*send_heartbeat:pytest.PytestUnraisableExceptionWarning")


def forms(secret: bytes) -> Iterator[bytes]:
    """A secret in every encoding in which it might slip through."""
    yield secret
    yield secret.hex().encode()
    yield base64.b64encode(secret).rstrip(b"=")[:-1]
    yield base64.urlsafe_b64encode(secret).rstrip(b"=")[:-1]
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        return
    for form in (quote(text, safe=""), quote(text), json.dumps(text)[1:-1], repr(text)[1:-1]):
        yield form.encode()


def found(planted: dict[str, bytes], where: str, content: bytes) -> list[str]:
    """Names of the secrets that stand in some bytes, and where."""
    return [
        f"{name} in {where}" for name, one in planted.items() if any(form in content for form in forms(one))
    ]


def test_every_secret_of_the_configuration_is_planted() -> None:
    """A new secret joins this test, or says why it cannot be planted."""
    # Discord's library takes no webhook of an emulator (test_webhooks has its own), and SQLite has no password
    assert set(secret_names()) == set(SECRETS) | {"SLACK_WEBHOOK", "DISCORD_WEBHOOK", "DATABASE_URL"}
    values = Secrets(database_url="postgresql://u:canary%2Bpw@h/d").values()
    assert {"canary%2Bpw", "canary+pw"} <= set(values), "its password is hidden like every other secret"
    assert "canary" not in Redactor(values)("no database at postgresql://u:canary%2Bpw@h/d: canary+pw")


@pytest.mark.timeout(400)
def test_no_planted_secret_comes_out_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    planted = {name: value.encode() for name, value in SECRETS.items()}
    outside: list[tuple[str, bytes]] = []

    async def play() -> None:
        def environ(there: Worlds) -> dict[str, str]:
            """The webhook's address is known only now; its last part opens it."""
            slack = there[2]
            hook = slack.box.webhook_url(slack.channel)
            planted["slack_webhook"] = hook.rpartition("/")[2].encode()
            return SECRETS | {"SLACK_WEBHOOK": hook}

        ways = Ways(bars=3, config=PATIENT, environ=environ)
        async with attack_house(tmp_path, FRAMES, ways) as house:
            set_up_logging(tmp_path, level="INFO", console="text", hidden=house.house.plan.loaded.hidden)
            house.faces["telegram"].pace = Pace(UNPACED)
            house.telegram.box.world.rates.enforced = False
            planted["totp"] = await enrolled(house, tmp_path)
            planted["salt"] = (tmp_path / SALT_FILE).read_bytes()
            await everything(house, ("{0} {1}", "{0} nonsense !! -1", "{0}"))
            await told(house)
            await pasted(house)
            await broken(house, monkeypatch)
            await everything(house, ("{0} {1}",))
            await asyncio.sleep(120)
            for platform in ALL:
                calls = house.box(platform).calls.rows
                assert len(calls) > 50
                outside.extend((f"{platform} {call.method}", call.raw) for call in calls)
            outside.append(("the console", house.screen.getvalue().encode("utf-8", "surrogatepass")))

    in_virtual_time(play)
    close_logging()
    shown = capfd.readouterr()
    outside.append(("standard output", (shown.out + shown.err).encode("utf-8", "surrogatepass")))
    outside += [(str(file.relative_to(tmp_path)), file.read_bytes()) for file in files(tmp_path)]
    assert sum(len(content) for _, content in outside) > 1_000_000
    assert any(b"internal fault" in content for where, content in outside if "log" in where), "it did break"
    wrong = [line for where, content in outside for line in found(at(planted, where), where, content)]
    assert not sorted(set(wrong))


def at(planted: dict[str, bytes], where: str) -> dict[str, bytes]:
    """The database holds people's code keys, and shows them once, in private; nothing else may."""
    own = where.startswith(("quarterdeck.db", "telegram sendPhoto", "telegram sendMessage"))
    return {name: one for name, one in planted.items() if not (own and name == "totp")}


def files(home: Path) -> Iterator[Path]:
    """Everything in the home but the file of the salt itself."""
    for file in home.rglob("*"):
        if file.is_file() and file.name != SALT_FILE:
            yield file


async def enrolled(house: AttackHouse, home: Path) -> bytes:
    """Bea sets up her codes; the key as the database holds it."""
    await house.telegram.bea.answer(house.telegram.bea.says("/totp on"))
    with sqlite3.connect(home / "quarterdeck.db") as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        keys = next(name for name in tables if "code" in name)
        row = database.execute(f"SELECT secret FROM {keys}").fetchone()
    return str(row[0]).encode()


async def everything(house: AttackHouse, lines: tuple[str, ...]) -> None:
    """Every command, with arguments and with nonsense that holds nothing secret."""
    for command in house.house.commands:
        if command.name in {"restart", "shutdown", "totp", "backtest", "retrain", "sweep", "report"}:
            continue
        given = " ".join(ARGUMENTS.get(one.name, "5") for one in command.parameters if one.required)
        for number, line in enumerate(lines):
            said = line.format(f"/{command.name}", given).strip()
            house.telegram.bea.says(said)
            if number == len(lines) - 1:
                with suppress(TimeoutError):  # what waits for a venue that is broken may wait
                    async with asyncio.timeout(30):
                        await house.type(said)
            await asyncio.sleep(1)
        house.slack.bea.dm(f"{command.name} {given}")
        options: dict[str, object] = {one.name: "5" for one in command.parameters if one.required}
        with suppress(Impossible):  # the client does not let every value go
            house.discord.bea.slash(house.discord.channel, command.name, options)
        await asyncio.sleep(1)


async def told(house: AttackHouse) -> None:
    """Notices in which the venue quotes what it was sent."""
    for name, value in SECRETS.items():
        text = f"signature for {value} refused at https://api.invalid/v1?apiKey={quote(value, safe='')}"
        await house.tell(
            f"{name}: {text}", Severity.CRITICAL, NoticeKind.ORDER_REJECTED, fields=((text, text),)
        )
        house.house.ring(
            Notice(NoticeKind.STORAGE, Severity.CRITICAL, house.house.now_ms(), text, (("why", text),))
        )
    await asyncio.sleep(60)


async def pasted(house: AttackHouse) -> None:
    """People write keys where they should not, as commands and as plain words."""
    for number, value in enumerate(SECRETS.values(), 5000):
        for line in (
            value,
            f"/note XRPUSDT {value}",
            f"/{value}",
            f"/set XRPUSDT {value} 1",
            f"/dry /note XRPUSDT {value}",
        ):
            house.telegram.ann.says(line)
            house.slack.ann.dm(line.removeprefix("/"))
            await house.type(line)
            await asyncio.sleep(1)
        house.discord.ann.slash(house.discord.channel, "note", {"symbol": "XRPUSDT", "text": value[:90]})
        stranger = house.telegram.box.people.person(number, value, "x")
        seen = await stranger.answer(stranger.says("hi"))
        stranger.presses(seen.buttons[0])
        await asyncio.sleep(5)


async def broken(house: AttackHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Desk, venue, database and platforms break with secrets in the exceptions' texts and addresses."""
    text = " ".join(f"{name}={value} https://u:{value}@h/bot{value}/x" for name, value in SECRETS.items())

    async def fails(*_: Any, **__: Any) -> Any:
        raise VenueUnavailable(text)

    def breaks(*_: Any, **__: Any) -> Any:
        raise RuntimeError(text)

    for name in ("balance", "trades", "health", "positions"):
        if hasattr(TradingDesk, name):
            monkeypatch.setattr(TradingDesk, name, breaks)
    monkeypatch.setattr(type(house.house.database.ledger("x")), "trades", fails, raising=False)
    monkeypatch.setattr(type(house.house.venue), "snapshot", fails)
    for platform in ALL:
        house.box(platform).troubles.arm(Trouble(times=3, status=500, description=text))
        house.box(platform).troubles.arm(Trouble("*end*", times=2, status=400, description=text))
        await asyncio.sleep(20)
    logging.getLogger("ccxt").warning("GET https://x/?signature=%s %s", SECRETS["BINANCE_API_SECRET"], text)
    logging.getLogger("anything").error("broke", exc_info=RuntimeError(text), extra={"held": {"a": text}})
    assert isinstance(house.house.engine, Engine)
