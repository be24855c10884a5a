"""Who may do what where and when: every combination, against an oracle written from the specification alone.

Two runs over the same cases. In the first every command is a recorder: it may be reached where the oracle says yes, and
nowhere else. In the second the commands are the real ones on a whole house with an open position: whatever the oracle
refuses leaves the trading state and the ledger as they were, byte for byte. New commands join by the registry.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import cast

from chat_fakes import MemoryAudit
from command_kit import busy_desk
from crew_kit import MemoryArrivals, MemoryGrants
from whole_house import Desk as HouseDesk
from whole_house import market, whole_house

from bot.engine.reading import dump
from bot.runtime.codec import encode
from bot.runtime.desk import Desk
from handlers.access import ConfiguredAccess, CrewAccess
from handlers.away import Away
from handlers.buttons import RunLine
from handlers.command import Command, Confirm, Injected, Role
from handlers.dispatch import Dispatcher
from handlers.doorstep import Doorstep
from handlers.limits import ChatLimits
from handlers.registry import Registry, load_registry
from handlers.reply import Reply
from handlers.request import ChatKind, Request, RequestKind

NOW = 1_800_000_000_000
COMMANDS = load_registry()

# --- the specification, in its own words ------------------------------------------------------------------------------

ADMINS_ONLY = {
    "set_limit", "reset_kill", "retrain", "approve", "reject", "run_job", "logs", "audit", "config", "restart",
    "shutdown", "reload", "grant", "revoke", "refuse", "undo", "who", "totp_reset",
}  # fmt: skip
TRADERS = {
    "leverage", "set_risk", "set_risk_percent", "set_margin", "set", "params", "pause", "resume", "stop_trading",
    "start_trading", "close", "close_all", "panic_close", "stoploss", "takeprofit", "long", "short", "reentry",
    "kill_now", "halts", "unhalt", "ml_on", "ml_shadow", "ml_off", "ml_threshold", "backtest", "sweep", "reconcile",
    "dry", "drill", "export",
}  # fmt: skip
BRAKES = {"pause", "stop_trading", "close", "close_all", "panic_close", "kill_now"}
VIEWER, TRADER, ADMIN = 1, 2, 3
ACTORS = {  # what the person may do at this moment; a robot and an anonymous one may nothing, whoever they are
    "stranger": 0, "viewer": VIEWER, "trader": TRADER, "admin": ADMIN, "expired grant": 0, "running grant": TRADER,
    "revoked": 0, "robot": 0, "anonymous admin": 0, "same name, other id": 0,
}  # fmt: skip
CHATS = {  # where commands are taken at all
    "private": True, "allowed group": True, "other group": False, "allowed topic": True, "other topic": False,
    "channel": False, "console": True, "web": True,
}  # fmt: skip
KINDS = {  # how it was said, and whether such a thing may ever run
    "text": True, "edited": False, "forwarded": False, "through a bot": False, "own button": True,
    "another's question": False, "slash": True, "dialog": True, "form": True, "delivered again": False,
}  # fmt: skip
AGES = {"fresh": True, "stale": False, "before the start": False, "from the future": False}


def needed(name: str) -> int:
    """The role that the specification asks for; what it does not name says it itself."""
    if name in ADMINS_ONLY:
        return ADMIN
    if name in TRADERS:
        return TRADER
    return int(COMMANDS.find(name).role)  # type: ignore[union-attr]


def may(actor: str, chat: str, kind: str, age: str, command: str) -> bool:
    """True when the command may be reached."""
    return CHATS[chat] and KINDS[kind] and AGES[age] and ACTORS[actor] >= needed(command)


def too_old_ms(command: str) -> int:
    """An age at which nobody may run it any more: reads 300 s, what lowers risk 120 s, what raises it 30 s."""
    definition = cast(Command, COMMANDS.find(command))
    if command in BRAKES:
        return 120_001
    return 30_001 if needed(command) > VIEWER and definition.risk.value == "raises" else 300_001


# --- the stage --------------------------------------------------------------------------------------------------------

IDS = {name: str(100 + number) for number, name in enumerate(ACTORS)}
OTHER = "8"
FLAGS = {
    "edited": {"edited": True},
    "forwarded": {"forwarded": True},
    "through a bot": {"via_bot": True},
}
PLACES = {
    "private": (ChatKind.PRIVATE, "", ()),
    "allowed group": (ChatKind.GROUP, "-100", ()),
    "other group": (ChatKind.GROUP, "-999", ()),
    "allowed topic": (ChatKind.GROUP, "-200/7", ("-200",)),
    "other topic": (ChatKind.GROUP, "-200/8", ("-200",)),
    "channel": (ChatKind.CHANNEL, "-100", ()),
    "console": (ChatKind.CONSOLE, "console", ()),
    "web": (ChatKind.WEB, "web", ()),
}


def users() -> dict[str, Role]:
    """The crew on every platform, by id."""
    roles = {"viewer": Role.VIEWER, "trader": Role.TRADER, "admin": Role.ADMIN, "revoked": Role.ADMIN}
    roles |= {"robot": Role.ADMIN, "anonymous admin": Role.ADMIN}
    by_id = {IDS[name]: role for name, role in roles.items()} | {OTHER: Role.ADMIN}
    return {f"{p}:{i}": role for p in ("telegram", "console", "web") for i, role in by_id.items()}


@dataclass
class Stage:
    """A dispatcher with a crew; `reached` are the commands whose handler or preview was called."""

    desk: Desk
    registry: Registry
    started_at_ms: int
    context: tuple[Injected, ...] = ()
    count: int = 0
    reached: list[str] = field(default_factory=list)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    arrivals: MemoryArrivals = field(default_factory=MemoryArrivals)

    async def build(self) -> "Stage":
        """Join it, with one grant that has ended, one that runs, one user revoked."""
        configured = ConfiguredAccess(users(), {"telegram:-100", "telegram:-200/7"})
        access = CrewAccess(configured, MemoryGrants(), lambda: self.granted_at_ms)
        self.granted_at_ms = NOW - 3_600_000
        for platform in ("telegram", "console", "web"):
            await access.give(f"{platform}:{IDS['expired grant']}", Role.ADMIN, NOW - 1, "telegram:8")
            await access.give(f"{platform}:{IDS['running grant']}", Role.TRADER, NOW + 60_000, "telegram:8")
            await access.give(f"{platform}:{IDS['revoked']}", None, 0, "telegram:8")
        self.granted_at_ms = NOW
        away = Away(self.arrivals, self.registry, access, lambda: NOW, self.started_at_ms)
        self.dispatcher = Dispatcher(
            self.desk,
            self.registry,
            access,
            self.audit,
            self.arrivals,
            lambda: NOW,
            ChatLimits(per_minute=60_000, burst=60_000),
            b"salt",
            context=(*self.context, access, away),
            away=away,
            doorstep=Doorstep(access, lambda: NOW),
        )
        return self

    def request(self, actor: str, chat: str, **given: object) -> Request:
        """What a platform hands in."""
        self.count += 1
        kind, chat_id, within = PLACES[chat]
        base = Request(
            platform=chat if chat in ("console", "web") else "telegram",
            user_id=IDS.get(actor, actor),
            user_name="the admin" if actor in ("admin", "same name, other id") else actor,
            chat_id=chat_id or IDS.get(actor, actor),
            chat_kind=kind,
            kind=RequestKind.TEXT,
            sent_at_ms=NOW - 1_000,
            update_id=f"u{self.count}",
            within=within,
            from_bot=actor == "robot",
            anonymous=actor == "anonymous admin",
        )
        return replace(base, **given)

    async def play(self, case: "Case") -> Reply | None:
        """Say it in that way; answers what was replied."""
        request = await self._request(case)
        if case.kind == "delivered again":  # the first delivery is not the one that is looked at
            await self.arrivals.claim(_claimed(request))
        return await self.dispatcher.handle(request)

    async def _request(self, case: "Case") -> Request:
        request = self.request(case.actor, case.chat, sent_at_ms=self._sent(case), **FLAGS.get(case.kind, {}))
        line, book = _line(case.command), self.dispatcher._book
        match case.kind:
            case "own button":
                key = book.issue(RunLine(request.chat_id, line))
                return replace(request, kind=RequestKind.BUTTON, button=key)
            case "dialog":
                key = book.issue(RunLine(request.chat_id, line, prompt="Reason"))
                return replace(request, kind=RequestKind.MODAL, button=key, text="because")
            case "another's question":
                return replace(request, kind=RequestKind.BUTTON, button=await self._question(case, request))
            case "slash" | "form":
                kind = RequestKind.SLASH if case.kind == "slash" else RequestKind.FORM
                return replace(request, kind=kind, command=case.command)
            case _:
                return replace(request, text=line)

    async def _question(self, case: "Case", pressed: Request) -> str:
        """The Confirm button of somebody else's card in this chat; without a card, one that was never there."""
        asked = self.request(OTHER, case.chat, text=_line(case.command), chat_id=pressed.chat_id)
        before = list(self.reached)
        card = await self.dispatcher.handle(asked) if CHATS[case.chat] and _asks(case.command) else None
        self.reached[:] = before
        buttons = card.buttons if card else ()
        return next((button.id for button in buttons if button.label == "Confirm"), "never-there")

    def _sent(self, case: "Case") -> int:
        if case.age == "before the start":
            return self.started_at_ms - 1_000
        return NOW - {"stale": too_old_ms(case.command), "from the future": -60_001}.get(case.age, 1_000)


@dataclass(frozen=True)
class Case:
    """One cell of the matrix."""

    actor: str
    chat: str
    kind: str
    age: str
    command: str

    @property
    def allowed(self) -> bool:
        return may(self.actor, self.chat, self.kind, self.age, self.command)

    @property
    def unknown(self) -> bool:
        """True for those who must learn nothing."""
        return ACTORS[self.actor] == 0


def _claimed(request: Request):  # type: ignore[no-untyped-def]
    from bot.runtime.chat_ports import Arrival

    user = f"{request.platform}:{request.user_id}"
    return Arrival(request.platform, request.update_id, user, request.chat_id, "", request.sent_at_ms, NOW)


def _line(name: str) -> str:
    """A line that works as far as one is known."""
    return cast(Command, COMMANDS.find(name)).example


def _asks(name: str) -> bool:
    return cast(Command, COMMANDS.find(name)).confirm is not Confirm.NONE


def recorders(reached: list[str]) -> Registry:
    """Every command as it is declared, but for what it does."""
    return Registry(_recorder(command, reached) for command in COMMANDS)


def _recorder(command: Command, reached: list[str]) -> Command:
    async def handler(desk: Desk) -> Reply:
        """Writes down that it was reached."""
        reached.append(command.name)
        return Reply("done")

    async def preview(desk: Desk) -> Reply:
        reached.append(command.name)
        return Reply("card")

    shown = None if command.preview is None else preview
    return replace(command, handler=handler, preview=shown, injected=())


def representatives() -> list[str]:
    """One command of every role, risk and confirmation, and both of a kind where lines differ."""
    classes = {(c.role, c.risk, c.confirm, bool(c.parameters)): c.name for c in COMMANDS}
    return sorted(classes.values())


def cases() -> Iterator[Case]:
    """Everything with one command of each class, and every command with what is nearest to being allowed."""
    yield from (Case(*cell) for cell in product(ACTORS, CHATS, KINDS, AGES, representatives()))
    names = [command.name for command in COMMANDS]
    near = ("text", "own button", "slash", "delivered again")
    yield from (Case(*cell) for cell in product(ACTORS, ("private", "allowed group"), near, AGES, names))


# --- the runs ---------------------------------------------------------------------------------------------------------

SAME_FOR_ALL = ("This desk answers only its crew.", "", ())


async def test_commands_are_reached_where_the_oracle_lets_them_and_nowhere_else() -> None:
    long_ago, now = await _recorded(NOW - 7_200_000), await _recorded(NOW - 2_000)
    played = allowed = 0
    for case in cases():
        stage = now if case.age == "before the start" else long_ago
        stage.reached.clear()
        reply = await stage.play(case)
        _judge(case, stage, reply)
        played, allowed = played + 1, allowed + case.allowed
    assert played >= 5_000
    assert 200 <= allowed <= played // 5, "a matrix without both answers proves nothing"


async def _recorded(started_at_ms: int) -> Stage:
    reached: list[str] = []
    stage = Stage(cast(Desk, busy_desk()), recorders(reached), started_at_ms, reached=reached)
    return await stage.build()


def _judge(case: Case, stage: Stage, reply: Reply | None) -> None:
    if case.allowed:
        unbound = stage.audit.drafts[-1].outcome == "bad_arguments"
        assert stage.reached or unbound, f"{case} was not let in: {stage.audit.drafts[-1]}"
        return
    assert not stage.reached, f"{case} reached its command"
    if case.unknown and reply is not None:
        assert case.chat == "private", case
        assert (reply.title, reply.text, reply.fields) == SAME_FOR_ALL, case
        assert [button.id for button in reply.buttons] == ["ask-for-access"], case
    if not CHATS[case.chat] and reply is not None:
        raise AssertionError(f"{case} was answered: {reply}")


async def test_what_is_refused_changes_no_byte_of_the_trading_state(tmp_path: Path) -> None:
    frames = [market([1.0 + number % 3 * 0.001 for number in range(40)])]
    async with whole_house(tmp_path, frames) as house:
        await house.bars(4)
        assert house.house.engine.state.symbols["XRPUSDT"].position.quantity > 0, "there is something to lose"
        stages = [
            await Stage(house.house.desk, COMMANDS, start, house.house.dispatcher.context).build()
            for start in (NOW - 7_200_000, NOW - 2_000)
        ]
        played = 0
        for name, refused in _refused():
            before = _bytes(house, tmp_path)
            for case in refused:
                stage = stages[case.age == "before the start"]
                await stage.play(case)
                played += 1
            assert _bytes(house, tmp_path) == before, (
                f"one of /{name}'s refused cases changed the trading state"
            )
        assert played >= 5_000
        await stages[0].dispatcher.handle(stages[0].request("trader", "private", text="/pause"))
        assert _bytes(house, tmp_path) != before, "the digest would not have seen a change"


def _refused() -> Iterator[tuple[str, Sequence[Case]]]:
    """By command: all that the oracle refuses, without what is refused twice over."""
    for command in COMMANDS:
        cells = (Case(*cell, command.name) for cell in product(ACTORS, CHATS, KINDS, AGES))
        yield command.name, [case for case in cells if not case.allowed and _faults(case) == 1]


def _faults(case: Case) -> int:
    """How many reasons there are to refuse it."""
    wrong_person = ACTORS[case.actor] < needed(case.command)
    return sum((wrong_person, not CHATS[case.chat], not KINDS[case.kind], not AGES[case.age]))


def _bytes(house: HouseDesk, home: Path) -> str:
    """Digest of the engine's whole state, the journal's position and every row of the trading tables."""
    parts = [encode(dump(house.house.engine.state)), str(house.house.loop.number).encode()]
    for path in sorted(home.rglob("*.db")) + sorted(home.rglob("*.sqlite")):
        raw = sqlite3.connect(path)
        parts += [line.encode() for line in raw.iterdump()]
        raw.close()
    assert len(parts) > 2, "the ledger was not found"
    return sha256(b"\n".join(parts)).hexdigest()
