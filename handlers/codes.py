"""One-time codes (TOTP): enrolment, checking, locking.

A code belongs to half a minute ("step"); the steps before and after count too, since clocks differ. No step is taken
twice, and five wrong codes in a row lock a person's codes for a quarter of an hour.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hmac import compare_digest

import pyotp

from bot.domain.errors import StorageError
from bot.runtime.chat_ports import CodeKey, CodeKeys
from handlers.command import Injected
from handlers.persons import Persons

STEP_MS = 30_000
SLACK_STEPS = 1
MOST_FAILURES = 5
LOCKED_MS = 900_000
_SIX_DIGITS = re.compile(r"[0-9]{6}")


class NoKeys:
    """Where nothing can be kept, nobody has a key."""

    async def get(self, user: str) -> CodeKey | None:
        """None."""
        return None

    async def put(self, key: CodeKey) -> None:
        """Keys cannot be kept here."""
        raise StorageError("no place for code keys")

    async def drop(self, user: str) -> None:
        """There is nothing to forget."""


@dataclass(slots=True)
class Codes(Injected):
    """The crew's code keys. `issuer` is what authenticator apps show; `new_secret` makes a base32 secret."""

    keys: CodeKeys
    wall_clock: Callable[[], int]
    issuer: str = "Quarterdeck"
    persons: Persons = field(default_factory=Persons)
    new_secret: Callable[[], str] = field(default=pyotp.random_base32, repr=False)
    _turn: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    async def key(self, user: str) -> CodeKey | None:
        """The key that proves a user: their own, or one of the same person on another platform. Raises StorageError."""
        found = [key for one in self.persons.users_of(user) if (key := await self.keys.get(one))]
        found.sort(key=lambda key: not key.confirmed)
        return found[0] if found else None

    async def enrolled(self, user: str) -> bool:
        """True when commands that ask for a code ask this user. Raises StorageError."""
        key = await self.key(user)
        return key is not None and key.confirmed

    async def begin(self, user: str) -> CodeKey | None:
        """A new key, in effect after its first right code; None when a confirmed one is there. Raises StorageError."""
        async with self._turn:
            if await self.enrolled(user):
                return None
            key = CodeKey(user, self.new_secret())
            await self.keys.put(key)
            return key

    async def check(self, user: str, code: str) -> str:
        """Take a code: "" when it is right, else what is wrong in one sentence. Raises StorageError."""
        async with self._turn:
            key = await self.key(user)
            return await self._checked(key, code) if key else "There is no code key: /totp on makes one."

    async def drop(self, user: str) -> bool:
        """Forget every key of a user's person; True when there was one. Raises StorageError."""
        async with self._turn:
            users = [one for one in self.persons.users_of(user) if await self.keys.get(one)]
            for one in users:
                await self.keys.drop(one)
            return bool(users)

    def uri(self, key: CodeKey) -> str:
        """What the QR picture says to an authenticator app."""
        return pyotp.TOTP(key.secret).provisioning_uri(name=key.user, issuer_name=self.issuer)

    async def _checked(self, key: CodeKey, code: str) -> str:
        now_ms = self.wall_clock()
        if now_ms < key.locked_until_ms:
            return _locked(key.locked_until_ms - now_ms)
        bare = code.replace(" ", "").strip()
        if not _SIX_DIGITS.fullmatch(bare):
            return "A code has six digits."
        step = _matching(key.secret, bare, now_ms // STEP_MS)
        if step is None:
            return await self._failed(key, now_ms)
        if step <= key.used_step:
            return "That code was used already: wait for the next one."
        await self.keys.put(replace(key, confirmed=True, used_step=step, failures=0))
        return ""

    async def _failed(self, key: CodeKey, now_ms: int) -> str:
        failures = key.failures + 1
        if failures < MOST_FAILURES:
            await self.keys.put(replace(key, failures=failures))
            left = MOST_FAILURES - failures
            return f"Wrong code; {left} more wrong {'one locks' if left == 1 else 'ones lock'} your codes for 15 min."
        await self.keys.put(replace(key, failures=0, locked_until_ms=now_ms + LOCKED_MS))
        return _locked(LOCKED_MS)


def _matching(secret: str, code: str, now_step: int) -> int | None:
    """The step that a code belongs to; every allowed one is looked at, whichever fits."""
    totp, found = pyotp.TOTP(secret), None
    for step in range(now_step - SLACK_STEPS, now_step + SLACK_STEPS + 1):
        if compare_digest(totp.generate_otp(step).encode(), code.encode()):
            found = step
    return found


def _locked(left_ms: int) -> str:
    minutes = -(-left_ms // 60_000)
    return f"Too many wrong codes: codes are locked for {minutes} min."
