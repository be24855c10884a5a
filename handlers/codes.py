"""One-time codes (TOTP): enrolment, checking, locking."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pyotp

from bot.runtime.chat_ports import CodeKeys
from handlers.command import Injected
from handlers.persons import Persons


@dataclass(slots=True)
class Codes(Injected):
    """The crew's code keys. `issuer` is what authenticator apps show; `new_secret` makes a base32 secret."""

    keys: CodeKeys
    wall_clock: Callable[[], int]
    issuer: str = "Quarterdeck"
    persons: Persons = field(default_factory=Persons)
    new_secret: Callable[[], str] = pyotp.random_base32
    _turn: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
