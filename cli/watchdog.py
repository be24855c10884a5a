"""`quarterdeck watchdog`: a process of its own that looks at the heartbeat and alarms by a second bot.

It imports nothing of the desk but its configuration and the heartbeat's file, so that what breaks the desk leaves it
whole. It says when it begins and ends, what is wrong, that it still is, and when all is well again.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.config import LoadedConfig
from bot.domain.errors import ConfigError
from bot.runtime.clock import WallClock
from bot.runtime.heartbeat import read_heartbeat
from cli.homes import load, resolve_home
from cli.watched import Sight, look_at
from handlers.platforms.telegram_alarm import ChatRefused, NotReached, TelegramAlarm, TokenRefused

LOOK_S = 2.0
FAREWELL_S = 5.0
RETRY_S = 5.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What was asked for on the command line."""

    home: Path | None
    config: Path | None
    once: bool = False
    as_json: bool = False


def run_watchdog(options: WatchOptions) -> int:
    """Watch until told to stop; with `once` look a single time: exit code 0 when all is well, 1 when not."""
    home = resolve_home(options.home, os.environ)
    loaded = load(home, options.config, os.environ)
    eyes = Eyes(home, loaded, WallClock().wall_ms)
    if options.once:
        sight = eyes.look()
        _show(sight, options.as_json)
        return 0 if sight.is_well else 1
    chats = loaded.settings.watchdog.chats
    if not loaded.secrets.watchdog_token:
        raise ConfigError("watchdog: WATCHDOG_TOKEN is not set; a second bot's token, from @BotFather")
    if not chats:
        raise ConfigError("watchdog.chats: no chat to tell; list of Telegram chat ids")
    return asyncio.run(_watch(eyes, loaded, chats, options.as_json))


@dataclass(frozen=True, slots=True)
class Eyes:
    """Looks at the desk of a home."""

    home: Path
    loaded: LoadedConfig
    wall_ms: Callable[[], int]

    def look(self) -> Sight:
        """The desk as its last heartbeat tells it."""
        settings = self.loaded.settings
        beat = read_heartbeat(self.home)
        return look_at(beat, self.wall_ms(), settings.watchdog.stale_s, settings.name)


@dataclass(slots=True)
class Mind:
    """What the watchdog has said, and so what it says next. Times are people's, in ms.

    After the machine itself has slept the desk gets time to write its next heartbeat.
    """

    repeat_ms: int
    patience_ms: int
    _said: frozenset[str] = frozenset()
    _said_at_ms: int = 0
    _began_ms: int = 0
    _looked_at_ms: int = 0
    _patient_until_ms: int = 0

    def words(self, sight: Sight, now_ms: int) -> str:
        """What is to be said now, mostly nothing."""
        if self._looked_at_ms and now_ms - self._looked_at_ms > 10_000 + 1000 * LOOK_S:
            self._patient_until_ms = now_ms + self.patience_ms
        self._looked_at_ms = now_ms
        if sight.is_well:
            return self._well(sight, now_ms)
        if "stale" in sight.kinds and now_ms < self._patient_until_ms:
            return ""
        if sight.kinds != self._said:
            self._began_ms = self._began_ms if self._said else now_ms
            return self._say(sight, now_ms, "ALARM")
        if now_ms - self._said_at_ms >= self.repeat_ms and not sight.stopped:
            return self._say(sight, now_ms, "STILL")
        return ""

    def _well(self, sight: Sight, now_ms: int) -> str:
        if not self._said:
            return ""
        self._said = frozenset()
        minutes = max(1, (now_ms - self._began_ms) // 60_000)
        return f"WELL AGAIN after {minutes} min: {sight.name}"

    def _say(self, sight: Sight, now_ms: int, head: str) -> str:
        self._said, self._said_at_ms = sight.kinds, now_ms
        return f"{'STOPPED' if sight.stopped else head}: {sight.name}: {'; '.join(sight.troubles.values())}."


@dataclass(slots=True)
class Mouth:
    """Says things to every chat, in order; what cannot be said now waits, without holding up the other chats."""

    voice: TelegramAlarm
    chats: Sequence[str]
    as_json: bool
    _queues: dict[str, asyncio.Queue[str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """A queue for each chat."""
        self._queues = {chat: asyncio.Queue() for chat in self.chats}

    def say(self, text: str) -> None:
        """Say it everywhere; returns at once."""
        _line(text, self.as_json)
        for queue in self._queues.values():
            queue.put_nowait(text)

    async def run(self) -> None:
        """Say for ever."""
        await asyncio.gather(*(self._talk(chat, queue) for chat, queue in self._queues.items()))

    async def finish(self) -> None:
        """Wait until everything is said, for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await asyncio.gather(*(queue.join() for queue in self._queues.values()))

    async def _talk(self, chat: str, queue: asyncio.Queue[str]) -> None:
        while True:
            text = await queue.get()
            await self._until_through(chat, text)
            queue.task_done()

    async def _until_through(self, chat: str, text: str) -> None:
        while True:
            try:
                await self.voice.say(chat, text)
            except NotReached as away:
                await asyncio.sleep(max(RETRY_S, away.retry_after_s))
            except ChatRefused:
                _complain(_chat_words(chat))
                return
            else:
                return


async def _watch(eyes: Eyes, loaded: LoadedConfig, chats: Sequence[str], as_json: bool) -> int:
    watch, api_url = loaded.settings.watchdog, loaded.settings.chat.telegram.api_url
    try:
        async with TelegramAlarm(loaded.secrets.watchdog_token, api_url) as voice:
            mouth = Mouth(voice, await _heard_in(voice, chats), as_json)
            mind = Mind(watch.repeat_minutes * 60_000, watch.stale_s * 1000)
            await _look_until_told(eyes, mind, mouth)
    except TokenRefused:
        raise ConfigError("WATCHDOG_TOKEN: Telegram refuses it") from None
    return 0


async def _heard_in(voice: TelegramAlarm, chats: Sequence[str]) -> list[str]:
    """Chats that can be told; one that cannot is complained of, none at all is a fault of the configuration."""
    good: list[str] = []
    for chat in chats:
        try:
            await voice.check(chat)
        except ChatRefused:
            _complain(_chat_words(chat))
            continue
        except NotReached:
            log.warning("Telegram is away at the start")
        good.append(chat)
    if not good:
        raise ConfigError(f"watchdog.chats: {_chat_words(chats[0])}")
    return good


def _chat_words(chat: str) -> str:
    return f"Telegram knows no chat {chat} for this bot: write to it there first"


async def _look_until_told(eyes: Eyes, mind: Mind, mouth: Mouth) -> None:
    stop = _told_to_stop()
    talking = asyncio.create_task(mouth.run())
    first = eyes.look()
    state = "it is well" if first.is_well else "; ".join(first.troubles.values())
    mouth.say(f"The watchdog watches {first.name}: {state}.")
    while not stop.is_set() and not talking.done():
        if words := mind.words(eyes.look(), eyes.wall_ms()):
            mouth.say(words)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await stop.wait()
    if not talking.done():
        mouth.say(f"The watchdog was told to stop: nobody watches {first.name} now.")
        await mouth.finish()
    talking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await talking


def _told_to_stop() -> asyncio.Event:
    """Set by SIGINT and SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    return stop


def _show(sight: Sight, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(sight.to_json()) + "\n")
    else:
        words = "; ".join(sight.troubles.values()) or f"well, last heartbeat {sight.age_s} s ago"
        sys.stdout.write(f"{sight.name}: {words}\n")


def _line(text: str, as_json: bool) -> None:
    sys.stdout.write((json.dumps({"said": text}) if as_json else text) + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
