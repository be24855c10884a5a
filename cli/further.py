"""Further accounts in the same process: each a house of its own, commanded through the first one's chat.

They share nothing but the chat: one that dies is told, started again after a while, and stops no other.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.config import LoadedConfig
from bot.config.secrets import secret_names
from bot.domain.errors import ConfigError, QuarterdeckError
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.clock import WallClock
from bot.runtime.heartbeat import mark_stopped, read_heartbeat
from bot.runtime.jobs import Jobs
from cli.comeback import comeback
from cli.couriers import courier, on_call
from cli.homes import load, resolve_home
from cli.house import House
from cli.jobs import build_jobs, raise_notice
from cli.live import Running
from cli.stages import Stage, choose_stage
from cli.wiring import open_house
from handlers.access import CrewAccess
from handlers.away import Away
from handlers.desks import Seat
from handlers.process import Process
from handlers.standing import Standing
from handlers.upkeep import JobRunner, LogBook

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0
SHARED = (CrewAccess, Away, LogBook, Process)
"""What commands of every account ask of the process as a whole."""
STARTING = "It is being started; its positions keep their stops at the venue."

log = logging.getLogger(__name__)


def further_stages(first: LoadedConfig, environ: Mapping[str, str], wall: WallClock) -> tuple[Stage, ...]:
    """A stage for every home in `desks`. Raises ConfigError with the home's name.

    Secrets of the environment belong to the first account; further ones have theirs in their own homes.
    """
    mine = {name for secret in secret_names() for name in (secret, f"{secret}_FILE")}
    others = {name: value for name, value in environ.items() if name not in mine}
    stages: list[Stage] = []
    known = [first]
    for place in first.settings.desks:
        try:
            home = resolve_home(Path(place), {})
            loaded = load(home, None, others)
            _check_apart(loaded, known)
            stages.append(choose_stage(home, loaded, wall))
        except ConfigError as error:
            raise ConfigError(f"desks: {place}: {error}") from None
        known.append(loaded)
    return tuple(stages)


def _check_apart(loaded: LoadedConfig, known: Sequence[LoadedConfig]) -> None:
    """Two accounts are two: other name, other home, other key."""
    if loaded.path is None or loaded.path.parent != loaded.home:
        raise ConfigError("has no config.yaml of its own")
    for other in known:
        if loaded.settings.name == other.settings.name:
            raise ConfigError(f"name: {loaded.settings.name} is another account's name; give it its own")
        if loaded.home == other.home:
            raise ConfigError("is another account's home")
        keys = (loaded.secrets.binance_api_key, loaded.secrets.bybit_api_key)
        used = {other.secrets.binance_api_key, other.secrets.bybit_api_key}
        if any(key and key in used for key in keys):
            raise ConfigError(
                f"trades with the API key of {other.settings.name}; two desks would fight over it"
            )


def names_of(stages: Sequence[Stage]) -> tuple[str, ...]:
    """The accounts' names."""
    return tuple(stage.plan.loaded.settings.name for stage in stages)


def begin_further(stages: Sequence[Stage], first: Running) -> None:
    """Keep every further account running for as long as the first."""
    for stage in stages:
        first.begin(f"account {stage.plan.loaded.settings.name}", _keep(stage, first))


async def _keep(stage: Stage, first: Running) -> None:
    """Open it, let it live; when it dies tell it, and open it again after a growing while."""
    name, wait_s = stage.plan.loaded.settings.name, FIRST_WAIT_S
    while True:
        lived_s = asyncio.get_running_loop().time()
        try:
            await _live(stage, first)
        except QuarterdeckError as error:
            log.exception("account %s ended", name)
            words = str(error)
        except Exception as error:  # whatever it died of: the other accounts go on
            log.exception("account %s ended", name)
            words = type(error).__name__
        else:
            words = "it ended by itself"
        _end_with_the_first()
        lived_s = asyncio.get_running_loop().time() - lived_s
        wait_s = FIRST_WAIT_S if lived_s > LONGEST_WAIT_S else min(wait_s * 2, LONGEST_WAIT_S)
        await _tell_down(first, name, words, wait_s)
        await asyncio.sleep(wait_s)


def _end_with_the_first() -> None:
    """What an account said while it was being ended is in the log; it is not started again."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _tell_down(first: Running, name: str, words: str, wait_s: float) -> None:
    _set_down(
        first, name, f"It ended ({words}) and is started again. Positions keep their stops at the venue."
    )
    house = first.house
    fields = (("Because", words), ("Next try", f"in {wait_s:.0f} s"), ("Stops", "stay at the venue"))
    title = f"Account {name} is down; the others go on"
    await raise_notice(house, Notice(NoticeKind.RECOVERY, Severity.CRITICAL, house.now_ms(), title, fields))


def _set_down(first: Running, name: str, words: str) -> None:
    seats = first.house.front.seats
    seats[name] = Seat(first.house.desk, down=words)


async def _live(stage: Stage, first: Running) -> None:
    """One life of a further account, from its recovery to its end in order."""
    last_beat = read_heartbeat(stage.plan.home)
    async with open_house(stage.plan) as house:
        running = Running(house, stage.clock(house))
        jobs = build_jobs(house, running.clock)
        await jobs.start()
        _take_seat(house, jobs, first)
        try:
            notice = await comeback(house, last_beat)
            if notice is not None:
                await raise_notice(house, notice)
            stage.begin(running)
            running.begin("timers", running.fire_timers())
            running.begin("engine", house.until_dead())
            _begin_notices(running, first)
            await running.until_stopped()
        finally:
            _set_down(first, house.name, STARTING)
            await jobs.stop()
    mark_stopped(stage.plan.home, WallClock().wall_ms())


def _take_seat(house: House, jobs: Jobs, first: Running) -> None:
    """From now on the first account's front speaks for this one too: its crew, its dispatcher, its platforms."""
    own, front = house.front.seats[house.name], first.house.front
    shared = [thing for thing in front.seats[first.house.name].context if isinstance(thing, SHARED)]
    front.seats[house.name] = own
    house.front = front
    house.on_call = None
    waiting = on_call(house)
    front.lend(
        house.name, *shared, JobRunner(jobs.run_now), Standing(unacknowledged=lambda: waiting.unanswered)
    )


def _begin_notices(running: Running, first: Running) -> None:
    """Its notices go where the first account's go, with the account's name on them."""
    house = running.house
    for speaker, people in first.speakers:
        running.begin(f"{speaker.platform} notices", courier(house, running.speed, speaker, people).run())
    running.begin("escalation", on_call(house).run(house.opened_at_ms))
