"""The front of a house: the dispatcher with all it asks about people, and what it keeps of their lines."""

import os
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.config.people import Chat
from bot.domain.errors import ConfigError
from bot.runtime.redaction import Redactor
from cli.homes import AUDIT_ANCHOR
from cli.house import Blueprint
from handlers.access import ConfiguredAccess, CrewAccess
from handlers.away import Away
from handlers.codes import Codes
from handlers.command import Role
from handlers.desks import Desks, Seat
from handlers.dispatch import Dispatcher
from handlers.doorstep import Doorstep
from handlers.front import Front
from handlers.limits import ChatLimits
from handlers.persons import Persons
from handlers.registry import Registry as Commands
from handlers.second import two_person
from storage.database import Database

OPERATOR = "console:operator"
SALT_FILE = "buttons.key"
SALT_BYTES = 32


def button_salt(home: Path) -> bytes:
    """The house's secret that signs buttons, made at the first start; only its owner can read it."""
    path = home / SALT_FILE
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = b""
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return found if len(found) == SALT_BYTES else _new_salt(path)


def _new_salt(path: Path) -> bytes:
    """A file that was cut short is made anew: old buttons stop working, nothing else."""
    salt = secrets.token_bytes(SALT_BYTES)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(salt)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    return salt


def configured_access(chat: Chat) -> ConfiguredAccess:
    """Who may do what and where, as the configuration says; the console's operator is its owner."""
    users = {user: Role[role.value.upper()] for user, role in chat.users.items()}
    places = [f"telegram:{place}" for place in chat.telegram.chats]
    places += [f"discord:{place}" for place in chat.discord.chats or chat.discord.guilds]
    places += [f"slack:{place}" for place in chat.slack.channels]
    return ConfiguredAccess({OPERATOR: Role.ADMIN, **users}, places)


def chat_limits(chat: Chat) -> ChatLimits:
    """How often, how late, how long."""
    return ChatLimits(
        per_minute=chat.rate_per_minute,
        burst=chat.rate_burst,
        read_ms=chat.fresh_read_s * 1000,
        lowers_ms=chat.fresh_lower_s * 1000,
        raises_ms=chat.fresh_raise_s * 1000,
        confirm_ms=chat.confirm_s * 1000,
    )


@dataclass(frozen=True, slots=True)
class Ground:
    """What the front of a house stands on. `seats` are the desks by account; the blueprint's own is the default."""

    plan: Blueprint
    database: Database
    commands: Commands
    wall_ms: Callable[[], int]
    seats: dict[str, Seat]


def build_front(ground: Ground) -> Front:
    """Join dispatcher, crew, downtime and doorstep. Raises ConfigError."""
    access = _access(ground)
    away = _away(ground, access)
    doorstep = Doorstep(access, ground.wall_ms)
    front = Front(_dispatcher(ground, access, away, doorstep), access, away, doorstep, ground.seats)
    front.lend(ground.plan.loaded.settings.name, ground.commands, access, away)
    return front


def _access(ground: Ground) -> CrewAccess:
    chat = ground.plan.loaded.settings.chat
    return CrewAccess(
        configured=configured_access(chat),
        store=ground.database.grants(),
        wall_clock=ground.wall_ms,
        persons=Persons(chat.persons),
        code_keys=ground.database.code_keys(),
        fixed=frozenset({OPERATOR}),
    )


def _away(ground: Ground, access: CrewAccess) -> Away:
    return Away(
        arrivals=ground.database.arrivals(),
        registry=ground.commands,
        access=access,
        wall_clock=ground.wall_ms,
        started_at_ms=ground.plan.started_at_ms,
        zone=ZoneInfo(ground.plan.loaded.settings.timezone),
        name_of=access.name_of,
    )


def _dispatcher(ground: Ground, access: CrewAccess, away: Away, doorstep: Doorstep) -> Dispatcher:
    """One way in for every platform."""
    plan, database, loaded = ground.plan, ground.database, ground.plan.loaded
    chat, own = loaded.settings.chat, loaded.settings.name
    persons = Persons(chat.persons)
    seat = ground.seats[own]
    codes = Codes(database.code_keys(), ground.wall_ms, f"Quarterdeck {own}", persons)
    return Dispatcher(
        desk=seat.desk,
        registry=ground.commands,
        access=access,
        audit=database.audit(anchor=plan.home / AUDIT_ANCHOR),
        arrivals=database.arrivals(),
        wall_clock=ground.wall_ms,
        limits=chat_limits(chat),
        salt=button_salt(plan.home),
        journal_position=seat.journal_position,
        desks=Desks(ground.seats, own, _routes(chat, ground.seats)),
        persons=persons,
        two_person=two_person(chat.two_person, chat.two_person_s * 1000, ground.commands),
        codes=codes,
        require_code=chat.require_code,
        redact=Redactor(loaded.hidden),
        away=away,
        doorstep=doorstep,
    )


def check_routes(chat: Chat, accounts: Collection[str]) -> None:
    """A place routed to an account that is not run is a slip that must not wait for its first command."""
    for place, name in chat.routes.items():
        if name not in accounts:
            raise ConfigError(f"chat.routes.{place}: {name} is not run here; allowed: {', '.join(accounts)}")


def _routes(chat: Chat, seats: Mapping[str, Seat]) -> Mapping[str, str]:
    check_routes(chat, seats)
    return chat.routes
