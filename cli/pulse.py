"""The dead-man's switch of others: an address is asked at every heartbeat, and whoever keeps it alarms on silence.

The address is a secret: it is neither logged nor shown. Nothing waits for it; when it is slow, beats are left out.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from bot.domain.errors import ConfigError

log = logging.getLogger(__name__)
WITHIN_S = 5.0


def checked_address(url: str) -> str:
    """The address. Raises ConfigError, without quoting it, when it is none."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise ConfigError("HEARTBEAT_URL: an http or https address is allowed")
    return url


class Pulse:
    """Asks the address. `alive` is asked first: an engine that has died is silent, whatever else still runs."""

    def __init__(self, url: str, alive: Callable[[], bool]) -> None:
        """Nothing is asked before the first beat. Raises ConfigError."""
        self._url = checked_address(url)
        self._alive = alive
        self._due = asyncio.Event()
        self._trouble = ""

    def beat(self) -> None:
        """A heartbeat was written; returns at once."""
        self._due.set()

    async def run(self) -> None:
        """Ask at every beat, for ever."""
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await self._due.wait()
                self._due.clear()
                if self._alive():
                    self._note(await self._ask(session))

    async def _ask(self, session: aiohttp.ClientSession) -> str:
        """What went wrong, empty when it was heard; redirects are not followed."""
        try:
            async with session.get(self._url, allow_redirects=False) as answer:
                heard = answer.status < HTTPStatus.MULTIPLE_CHOICES
                return "" if heard else f"HTTP {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return type(error).__name__

    def _note(self, trouble: str) -> None:
        """Log what has changed."""
        if trouble != self._trouble:
            log.warning("the heartbeat address does not hear us: %s", trouble) if trouble else log.info(
                "the heartbeat address hears us again"
            )
        self._trouble = trouble
