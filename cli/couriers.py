"""Couriers of a house: who hears of what on which platform, and who looks after critical notices."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.domain.event import NoticeRaised
from bot.domain.market import MINUTE_MS
from bot.domain.notice import Notice
from bot.runtime.wishes import Wishes
from cli.house import Blueprint, House
from cli.weekly import kept_report
from handlers.command import Role
from handlers.escalation import Crew, EscalationRules, OnCall, Voice
from handlers.illustrate import plot_of
from handlers.lanes import Office
from handlers.notices import Courier, FoldRules, LaneRules, Recipient
from handlers.persons import Persons
from handlers.reply import Attachment, EquityPlot, Plot
from handlers.speaker import Speaker, private_chat
from storage.database import Database

RESULTS = "results/weekly"
AT_HAND = ("console:", "web:")
"""Whoever sits there sees everything at once, and is never called."""


def wishes(plan: Blueprint, database: Database) -> Wishes:
    """Who wants to hear of what: everybody's own settings over those of the configuration."""
    notices = plan.loaded.settings.notices
    return Wishes(database.preferences(), notices.off, notices.quiet, notices.quiet_hours)


def on_call(house: House) -> OnCall:
    """Critical notices of this house that wait for somebody's word; made once, known to the commands."""
    if house.on_call is None:
        made = _on_call(house)
        house.on_call = made
        house.front.lend(house.name, made)
        house.notice_listeners.append(made.wake)
    return house.on_call


def _on_call(house: House) -> OnCall:
    settings = house.plan.loaded.settings
    crew = Crew(settings.notices.on_call, Persons(settings.chat.persons), partial(roles, house))
    voice = Voice(
        speakers=house.dispatcher.speakers,
        wall_clock=house.wall_ms,
        now_ms=house.now_ms,
        tell=partial(_tell, house),
        dress=partial(house.dispatcher.dress_for, account=house.name),
    )
    rules = EscalationRules(acknowledge_ms=settings.notices.acknowledge_s * 1000)
    book, outbox = house.database.escalations(house.plan.account), house.database.outbox(house.plan.account)
    return OnCall(crew, book, outbox, voice, rules)


def _tell(house: House, notice: Notice) -> None:
    house.loop.put(NoticeRaised(house.now_ms(), notice))


def roles(house: House) -> Mapping[str, Role]:
    """Who can be called, with what role, now."""
    crew = house.dispatcher.access.crew(house.wall_ms())
    return {user: role for user, role in crew.items() if not user.startswith(AT_HAND)}


def recipients(house: House, platform: str) -> Sequence[Recipient]:
    """Everybody of a platform who has a role now gets its notices, in private."""
    return tuple(
        Recipient(user, private_chat(user), role)
        for user, role in roles(house).items()
        if user.startswith(f"{platform}:")
    )


def office(house: House, speed: float) -> Office:
    """What couriers share. What is old is so by the market's time, which may run `speed` times as fast."""
    settings = house.plan.loaded.settings
    ttl_ms = settings.notices.ttl_minutes * MINUTE_MS
    return Office(
        outbox=house.database.outbox(house.plan.account),
        preferences=wishes(house.plan, house.database),
        wall_clock=house.wall_ms,
        now_ms=house.now_ms,
        rules=LaneRules(FoldRules(expire_ms=int(ttl_ms * max(1.0, speed)))),
        zone=ZoneInfo(settings.timezone),
        since_ms=house.opened_at_ms,
        persons=Persons(settings.chat.persons),
        dress=partial(house.dispatcher.dress_for, account=house.name),
        draw=partial(drawn, house),
        attach=partial(attached, house.plan.home / RESULTS),
        on_call=on_call(house),
    )


async def drawn(house: House, line: str) -> Plot | None:
    """The picture of a notice: of a command's reply, or of a kept weekly report as it was made."""
    if line.startswith("/"):
        return await plot_of(house.commands, house.desk, line)
    report = await asyncio.to_thread(kept_report, house.plan.home / RESULTS, line)
    if report is None or len(report.points) < 2:
        return None
    return EquityPlot(report.points, f"Equity · {report.mode} · {report.label}")


async def attached(folder: Path, name: str) -> Attachment | None:
    """A kept page by its bare name; None when it is gone."""
    path = folder / Path(name).name
    if not path.is_file():
        return None
    return Attachment(path.name, await asyncio.to_thread(path.read_bytes), "text/html")


def courier(
    house: House, speed: float, speaker: Speaker, people: Sequence[Recipient] | None = None
) -> Courier:
    """A courier of one platform, to these people or to all of its crew; the house wakes it from now on."""
    platform = speaker.platform
    listed = partial(recipients, house, platform) if people is None else lambda: people
    found = Courier(speaker, listed, office(house, speed))
    house.dispatcher.speakers[platform] = speaker
    house.notice_listeners.append(found.wake)
    house.alarm_listeners.append(found.alarm)
    return found
