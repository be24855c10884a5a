"""What the commands that look after the process need of the run: log lines, jobs, the configuration, the end."""

import logging
import os
import sys
from collections.abc import Callable, Mapping

from bot.config import LoadedConfig
from bot.domain.errors import ConfigError
from bot.domain.refusal import Refused
from bot.runtime.desk import JobView
from bot.runtime.jobs import Jobs
from bot.runtime.log import recent_lines
from cli.front import configured_access
from cli.homes import load
from cli.house import House
from cli.live import Running
from handlers.command import Injected
from handlers.process import Process
from handlers.standing import Standing
from handlers.upkeep import JobRunner, LogBook, Reload, Reloaded

log = logging.getLogger(__name__)
type Apply = Callable[[House, LoadedConfig], None]


class Upkeep:
    """Lends the process to the chat. Its parts are handed to the commands before the run they speak of exists."""

    def __init__(self, loaded: LoadedConfig, apply: Mapping[str, Apply] | None = None) -> None:
        """`apply` says by beginning of key what can change while the desk runs, and how; None: nothing can."""
        self.again = False
        self._loaded = loaded
        self._apply = apply or {}
        self._running: Running | None = None
        self._jobs: Jobs | None = None
        self._ending = ""

    def context(self) -> tuple[Injected, ...]:
        """What commands may ask for."""
        return (
            LogBook(recent_lines),
            JobRunner(self._run_job),
            Reload(self._reload),
            Process(self._end),
            Standing(lambda: self._ending, self._unacknowledged),
        )

    def join(self, running: Running, jobs: Jobs) -> None:
        """The run has begun."""
        self._running, self._jobs = running, jobs

    async def _run_job(self, job_id: str) -> JobView | Refused:
        if self._jobs is None:
            return Refused("job", "the desk is still starting")
        return await self._jobs.run_now(job_id)

    async def _end(self, again: bool) -> None:
        self.again = again
        self._ending = "RESTARTING" if again else "ENDING"
        log.warning("the process is ended from a chat%s", ", to start again" if again else "")
        if self._running is not None:
            self._running.stop_soon()

    def _unacknowledged(self) -> tuple[str, ...]:
        house = self._running.house if self._running is not None else None
        return house.on_call.unanswered if house is not None and house.on_call is not None else ()

    async def _reload(self, actor: str) -> Reloaded:
        """Check the file as it is now; apply what can be applied, all or nothing."""
        before, house = self._loaded, self._running.house if self._running is not None else None
        if before.path is None or house is None:
            return Reloaded(problems=("this desk was started without a file to read again",))
        try:
            fresh = load(before.home, before.path, os.environ)
        except ConfigError as error:
            return Reloaded(problems=tuple(str(error).splitlines()))
        changed = _changes(before, fresh)
        now = changes_of(changed, self._apply)
        later = tuple(change for change in changed if change not in now)
        for beginning, apply in self._apply.items():
            if any(key.startswith(beginning) for key, _, _ in now):
                apply(house, fresh)
        self._loaded = fresh
        log.info("configuration read again by %s: %d applied, %d need a restart", actor, len(now), len(later))
        return Reloaded(now, later)


type Changed = tuple[str, str, str]


def _changes(before: LoadedConfig, after: LoadedConfig) -> tuple[Changed, ...]:
    """Keys whose value differs, with both values as people may see them."""
    old = {item.key: item.value for item in before.items()}
    new = {item.key: item.value for item in after.items()}
    keys = dict.fromkeys((*old, *new))
    return tuple((key, old.get(key, ""), new.get(key, "")) for key in keys if old.get(key) != new.get(key))


def changes_of(changed: tuple[Changed, ...], apply: Mapping[str, Apply]) -> tuple[Changed, ...]:
    """Those that can be applied at once."""
    return tuple(change for change in changed if change[0].startswith(tuple(apply)))


def start_again() -> None:
    """Become a new process of the same command; what runs it sees no end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "cli.main", *sys.argv[1:]])  # noqa: S606 (our own command again)


# --- what can change while the desk runs ----------------------------------------------------------------------------


def _apply_crew(house: House, loaded: LoadedConfig) -> None:
    house.front.access.configure(configured_access(loaded.settings.chat))


def _apply_level(house: House, loaded: LoadedConfig) -> None:
    logging.getLogger().setLevel(loaded.settings.logging.level)


APPLIED: Mapping[str, Apply] = {
    "chat.users": _apply_crew,
    "chat.telegram.chats": _apply_crew,
    "chat.discord.chats": _apply_crew,
    "chat.slack.channels": _apply_crew,
    "logging.level": _apply_level,
}
