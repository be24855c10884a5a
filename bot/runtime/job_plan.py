"""The desk's own jobs: candle ticks, the day's reset, reconciliation, digests, pruning, collecting, heartbeat."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.config.settings import Settings
from bot.domain.event import TimerDue
from bot.domain.market import DAY_MS, HOUR_MS, MINUTE_MS, timeframe_ms
from bot.runtime.clock import Clock
from bot.runtime.job_rules import Cron, Every, JobRule, Work

CANDLES, DAY, RECONCILE = "candles", "day", "reconcile"

# Reconciliation keeps clear of the bar's boundary, where orders are on their way.
RECONCILE_OFFSET_MS = 45_000
# The figures of a quarter of an hour are there a little after it; by then the bar's orders are done.
COLLECT_OFFSET_MS = 90_000
COLLECT_EVERY_MS = 15 * MINUTE_MS
PRUNE_AT_MS = 3 * HOUR_MS + 30 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class JobPorts:
    """Where the jobs' effects go: `put` into the engine's inbox, the others answer in a few words how it went.

    `digest` is told daily, weekly or monthly; `drill` None where none may run, `weekly` where no report is made,
    `collect` where there is nothing to collect, `drift` where no models are looked after.
    """

    put: Callable[[TimerDue], None]
    digest: Callable[[str], Awaitable[str]]
    prune: Work
    heartbeat: Work
    drill: Work | None = None
    weekly: Work | None = None
    collect: Work | None = None
    drift: Work | None = None


def standard_jobs(
    settings: Settings, timeframes: Sequence[str], clock: Clock, ports: JobPorts
) -> tuple[JobRule, ...]:
    """All jobs of a desk that trades on these timeframes."""

    def tick(name: str, key: str = "") -> Work:
        async def put() -> str:
            ports.put(TimerDue(clock.now_ms(), name, key))
            return ""

        return put

    grace_ms = int(settings.signals.bar_grace_s * 1000)
    reconcile = Every(settings.reconcile_minutes * MINUTE_MS, RECONCILE_OFFSET_MS)
    return (
        *(
            JobRule(
                f"{CANDLES}:{name}",
                f"Candles {name}",
                Every(timeframe_ms(name), grace_ms),
                tick(CANDLES, name),
            )
            for name in timeframes
        ),
        JobRule(DAY, "New trading day", Every(DAY_MS), tick(DAY)),
        JobRule(RECONCILE, "Compare with the venue", reconcile, tick(RECONCILE)),
        *_digests(settings, ports),
        *_weekly(settings, ports),
        *_drills(settings, ports),
        *_drift(settings, ports),
        *_collectors(ports),
        JobRule("prune", "Prune old records", Every(DAY_MS, PRUNE_AT_MS), ports.prune),
        JobRule("heartbeat", "Heartbeat", Every(settings.heartbeat_s * 1000), ports.heartbeat, wall=True),
    )


def _digests(settings: Settings, ports: JobPorts) -> list[JobRule]:
    """The digests that have a cron line."""

    def send(period: str) -> Work:
        return lambda: ports.digest(period)

    return [
        JobRule(f"digest:{period}", f"Digest, {period}", Cron(line, settings.timezone), send(period))
        for period, line in settings.digests
        if line
    ]


def _weekly(settings: Settings, ports: JobPorts) -> list[JobRule]:
    """The weekly report, where it is made and has a cron line."""
    line = settings.research.weekly
    if ports.weekly is None or not line:
        return []
    return [JobRule("weekly", "Weekly report", Cron(line, settings.timezone), ports.weekly)]


def _drills(settings: Settings, ports: JobPorts) -> list[JobRule]:
    """The panic drill, where it may run and has a cron line."""
    if ports.drill is None or not settings.drill.cron:
        return []
    return [JobRule("drill", "Panic drill", Cron(settings.drill.cron, settings.timezone), ports.drill)]


def _drift(settings: Settings, ports: JobPorts) -> list[JobRule]:
    """Late signals against those of the training, where there are models and a cron line."""
    if ports.drift is None or not settings.ml.drift:
        return []
    when = Cron(settings.ml.drift, settings.timezone)
    return [JobRule("drift", "Drift of signals from the models' training", when, ports.drift)]


def _collectors(ports: JobPorts) -> list[JobRule]:
    """Funding, open interest and ratios, where there are any."""
    if ports.collect is None:
        return []
    when = Every(COLLECT_EVERY_MS, COLLECT_OFFSET_MS)
    return [JobRule("collect", "Collect funding, open interest, ratios", when, ports.collect)]
