"""Looking after the process: run a job now, the last log lines, the configuration read again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from bot.domain.command import Change
from bot.domain.refusal import Refused
from bot.runtime.desk import Desk
from bot.runtime.log import LogLine
from handlers.cards import clock, listed, refused, table
from handlers.command import Actor, Example, Help, Range, Risk, Role, Suggest, command
from handlers.format import UNKNOWN, count, milliseconds
from handlers.reply import Button, Reply
from handlers.text import clip, mask
from handlers.upkeep import JobRunner, LogBook, Reload, Reloaded

MOST_LETTERS = 300
NO_LOG, NO_JOBS, NO_FILE = LogBook(), JobRunner(), Reload()


def _job_ids(desk: Desk) -> Iterator[str]:
    yield from (job.id for job in desk.jobs())


JobName = Annotated[str, Suggest(_job_ids), Help("its name in /schedule"), Example("digest_daily")]


@command(area="system", role=Role.ADMIN)
async def run_job(desk: Desk, actor: Actor, name: JobName, jobs: JobRunner = NO_JOBS) -> Reply:
    """Run a scheduled job now, besides its timetable, and say how it went."""
    answer = await jobs.run(name)
    if isinstance(answer, Refused):
        near = tuple(Button(f"Run {job.id}", f"/run_job {job.id}") for job in desk.jobs()[:6])
        return replace(refused(answer), buttons=near)
    failed = answer.last_result.startswith("failed")
    return Reply(
        title=f"{answer.title or answer.id} {'failed' if failed else 'has run'}",
        fields=(
            ("Result", answer.last_result or UNKNOWN),
            ("Took", milliseconds(answer.last_took_ms)),
            ("Next run", clock(desk).full(answer.next_run_at_ms) if answer.next_run_at_ms else "paused"),
        ),
        text="The log has the reason: /logs 20 error" if failed else "",
        buttons=(Button("Jobs", "/schedule"), Button("Run again", f"/run_job {answer.id}")),
    )


Level = Annotated[Literal["debug", "info", "warning", "error", "critical"], Help("this and what is graver")]


@command(area="system", role=Role.ADMIN, risk=Risk.READ)
async def logs(
    desk: Desk,
    n: Annotated[int, Range(1, 500), Help("how many lines")] = 20,
    level: Level = "info",
    book: LogBook = NO_LOG,
) -> Reply:
    """The last log lines of this process, newest first, secrets taken out."""
    lines = book.recent(n, level)
    again = Button("Refresh", f"/logs {n} {level}")
    others = (word for word in ("info", "warning", "error") if word != level)
    graver = tuple(Button(word.capitalize(), f"/logs {n} {word}") for word in others)
    if not lines:
        text = f"No lines of level {level} or graver since the start."
        return Reply(f"Log · {level}", text=text, buttons=(again, *graver))
    more = (Button("More", f"/logs {min(500, 2 * n)} {level}"),) if len(lines) == n and n < 500 else ()
    zone = clock(desk).zone
    return Reply(
        title=f"Log · last {count(len(lines), 'line')} of {level} or graver",
        table=table("Time | Level | From | Line", (_log_row(line, zone) for line in reversed(lines))),
        text="Times are the wall's, in your zone. The file in the home's logs folder goes further back.",
        buttons=(again, *more, *graver),
    )


def _log_row(line: LogLine, zone: ZoneInfo) -> tuple[str, ...]:
    extra = " ".join(f"{name}={value}" for name, value in line.fields.items())
    text = mask(f"{line.message} {extra}".strip())
    return _time(line.at, zone), line.level.upper(), line.logger.rpartition(".")[2], clip(text, MOST_LETTERS)


def _time(at: str, zone: ZoneInfo) -> str:
    """The line's time in a zone; as it is written where it is no time."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return at
    return f"{moment.astimezone(zone):%d %b %H:%M:%S %:z}"


@command(area="system", role=Role.ADMIN)
async def reload(desk: Desk, actor: Actor, files: Reload = NO_FILE) -> Reply:
    """Read the configuration again: applies what can change now, lists what needs a restart."""
    found = await files.again(actor.id)
    if found.problems:
        return _invalid(found)
    rows = [(key, before, after, "now") for key, before, after in found.applied]
    rows += [(key, before, after, "after a restart") for key, before, after in found.needs_restart]
    if not rows:
        return Reply("Configuration read again", text="It is valid and says what it said: nothing changed.")
    later = [key for key, _, _ in found.needs_restart]
    return Reply(
        title=f"Configuration read again · {count(len(found.applied), 'value')} applied",
        table=table("Key | Before | Now in the file | Counts", rows),
        text=f"Needs a restart: {listed(later, '/config')}."
        if later
        else "Everything that changed counts now.",
        buttons=(Button("Configuration", "/config"), *((Button("Restart", "/restart"),) if later else ())),
        changes=tuple(Change(key, before, after) for key, before, after in found.applied),
    )


def _invalid(found: Reloaded) -> Reply:
    """The file's faults, one a row; nothing was applied."""
    return Reply(
        title="The configuration is not valid",
        table=table("Problem", ((mask(problem),) for problem in found.problems)),
        text="Nothing was changed: the desk goes on with what it had.",
        buttons=(Button("Try again", "/reload"), Button("Configuration", "/config")),
        ok=False,
    )
