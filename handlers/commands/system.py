"""The machine under the desk: health, jobs, version, mode, configuration, audit, reconciliation, notices."""

from collections.abc import Iterator
from typing import Annotated

from bot.domain.market import timeframe_ms
from bot.domain.notice import Severity
from bot.runtime.desk import Desk, HealthView, JobView
from bot.runtime.ports import AuditEntry, StorageHealth
from handlers.cards import clock, link_words, listed, no, table
from handlers.command import Help, Range, Risk, Role, Suggest, command
from handlers.format import UNKNOWN, Clock, count, duration, milliseconds, number
from handlers.reply import Button, Reply

MODES = {
    "demo": "a generated market and a paper venue: nothing here is money",
    "paper": "real prices, a paper venue: no order leaves this machine",
    "testnet": "the venue's test network: real orders, play money",
    "live": "REAL MONEY at the venue",
}
GRAVITY = {"live": Severity.CRITICAL}


@command(area="system", role=Role.VIEWER)
async def health(desk: Desk) -> Reply:
    """Heartbeat: streams, candle ages, latencies, queue, errors, database, disk, memory, version."""
    view = await desk.health()
    old = _old_candles(desk, view)
    rows = table("Symbol | >Candle age", sorted(old.items())) if old else None
    return Reply(
        title="Health · good" if _sound(view) and not old else "Health · LOOK HERE",
        fields=tuple(_health_fields(desk, view)),
        table=rows,
        text=f"{count(len(old), 'symbol')} without a fresh candle."
        if old
        else "Every symbol has its last candle.",
        buttons=(Button("Refresh", "/health"), Button("Jobs", "/schedule")),
        severity=Severity.INFO if _sound(view) else Severity.CRITICAL,
    )


def _sound(view: HealthView) -> bool:
    return view.link_up and not view.errors and not view.storage.trouble


def _old_candles(desk: Desk, view: HealthView) -> dict[str, str]:
    """Symbols whose last candle closed more than two bars ago."""
    most = 2 * timeframe_ms(desk.about.timeframe)
    return {symbol: duration(age) for symbol, age in view.candle_age_ms.items() if age > most}


def _health_fields(desk: Desk, view: HealthView) -> Iterator[tuple[str, str]]:
    at = clock(desk)
    yield "Venue link", link_words(view.link_up)
    yield "Last bar", at.ago(view.last_bar_at_ms)
    yield "Running for", duration(view.at_ms - view.started_at_ms)
    yield "Events", f"{view.events} handled, {view.queue_length} waiting, {count(view.errors, 'error')}"
    yield "Per event", f"{milliseconds(view.handle_ms_p50)} median, {milliseconds(view.handle_ms_p99)} p99"
    yield "Orders", f"{milliseconds(view.order_ms_p50)} median, {milliseconds(view.order_ms_p99)} p99"
    yield from view.wire
    yield "Longest without a stop", milliseconds(view.longest_uncovered_ms)
    yield from _stored_fields(view.storage)
    yield "Memory, disk", f"{number(view.memory_mb, 0)} MB used, {number(view.disk_free_mb, 0)} MB free"
    yield "Version", view.version


def _stored_fields(stored: StorageHealth) -> Iterator[tuple[str, str]]:
    if stored.trouble:
        yield "Database", f"NOT THERE: {stored.trouble}"
        return
    size_mb = number(stored.bytes / 1_000_000, 1)
    yield "Database", f"{stored.kind}, {size_mb} MB, last commit {milliseconds(stored.last_commit_ms)}"
    yield "Notices waiting", str(stored.waiting_notices)


@command(area="system", role=Role.VIEWER)
async def schedule(desk: Desk) -> Reply:
    """Jobs: next run, last run, how long it took, its result."""
    jobs = desk.jobs()
    columns = "Job | Rule | Next run | Last run | >Took | Result"
    return Reply(
        title=f"Jobs · {len(jobs)}",
        table=table(columns, (_job_row(desk, job) for job in jobs)),
        text="" if jobs else "No jobs are scheduled.",
        buttons=(Button("Refresh", "/schedule"),),
    )


def _job_row(desk: Desk, job: JobView) -> tuple[str, ...]:
    at = clock(desk)
    return (
        job.title or job.id,
        job.rule,
        at.short(job.next_run_at_ms) if job.next_run_at_ms else "paused",
        at.short(job.last_run_at_ms) if job.last_run_at_ms else "not yet",
        milliseconds(job.last_took_ms) if job.last_run_at_ms else UNKNOWN,
        job.last_result or UNKNOWN,
    )


@command(area="system", role=Role.ADMIN, risk=Risk.READ)
async def audit(desk: Desk, n: Annotated[int, Range(1, 500), Help("how many entries")] = 20) -> Reply:
    """Audit trail: who asked what, when, with what outcome and change; newest first."""
    entries = await desk.audit(n)
    if not entries:
        return Reply("Audit", text="The audit trail is empty: nobody has given a command yet.")
    columns = ">No | Time | Who | Command | Outcome | Changed | Digest"
    more = (Button("More", f"/audit {min(500, 2 * n)}"),) if len(entries) == n and n < 500 else ()
    return Reply(
        title=f"Audit · last {count(len(entries), 'entry', 'entries')}",
        table=table(columns, (_audit_row(desk, entry) for entry in entries)),
        text="Each digest chains to the one before; quarterdeck audit verify recomputes them.",
        buttons=(Button("Refresh", f"/audit {n}"), *more),
    )


def _audit_row(desk: Desk, entry: AuditEntry) -> tuple[str, ...]:
    return (
        str(entry.number),
        clock(desk).short(entry.at_ms),
        f"{entry.platform}:{entry.user_id}",
        f"/{entry.command} {entry.arguments}".strip(),
        entry.outcome,
        entry.changes or UNKNOWN,
        entry.digest[:12],
    )


def _config_groups(desk: Desk) -> Iterator[str]:
    yield from dict.fromkeys(item.key.partition(".")[0] for item in desk.config())


@command(area="system", role=Role.ADMIN, risk=Risk.READ)
async def config(
    desk: Desk, key: Annotated[str, Suggest(_config_groups), Help("how the keys begin; all without it")] = ""
) -> Reply:
    """Effective configuration with its sources; secrets are masked."""
    items = desk.config(key)
    if not items:
        groups = list(_config_groups(desk))
        return no(f"No configuration key begins with that. There are: {listed(groups, '/config')}.")
    return Reply(
        title=f"Configuration{f' · {key}' if key else ''}",
        table=table("Key | Value | From", ((item.key, item.value or UNKNOWN, item.source) for item in items)),
        buttons=(Button("Refresh", f"/config {key}".strip()),),
    )


@command(area="system", role=Role.VIEWER)
async def mode(desk: Desk) -> Reply:
    """Which mode runs: demo, paper, testnet or live; and on which account."""
    about = desk.about
    return Reply(
        title=f"Mode · {about.mode.upper()}",
        fields=(
            ("Means", MODES.get(about.mode, about.mode)),
            ("Venue", about.venue),
            ("Account", about.account),
        ),
        text="The mode is set in config.yaml and cannot be changed while the desk runs.",
        severity=GRAVITY.get(about.mode, Severity.INFO),
    )


@command(area="system", role=Role.VIEWER)
async def version(desk: Desk) -> Reply:
    """Version, commit, how long it has been running."""
    about, at = desk.about, clock(desk)
    return Reply(
        title=f"Quarterdeck {about.version}",
        fields=(
            ("Commit", about.commit or "unknown"),
            ("Started", _started(at, about.started_at_ms, (await desk.health()).at_ms)),
            ("Mode", f"{about.mode} · {about.account}"),
            ("Time zone", about.timezone),
        ),
    )


def _started(at: Clock, at_ms: int, now_ms: int) -> str:
    """By people's time: the market's may run faster."""
    return f"{at.full(at_ms)} ({duration(now_ms - at_ms)} ago)" if at_ms else "unknown"
