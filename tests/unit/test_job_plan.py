"""The desk's own jobs: which there are, when they are due, and where their effects go."""

from dataclasses import replace
from pathlib import Path

from bot.config import Settings, load_text
from bot.config.people import Digests
from bot.domain.event import TimerDue
from bot.runtime.clock import ManualClock
from bot.runtime.job_plan import JobPorts, standard_jobs
from bot.runtime.job_rules import Every, JobRule

DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000


class Effects:
    """What the jobs did."""

    def __init__(self) -> None:
        self.events: list[TimerDue] = []
        self.digests: list[str] = []

    async def digest(self, period: str) -> str:
        self.digests.append(period)
        return "sent"

    async def nothing(self) -> str:
        return ""

    @property
    def ports(self) -> JobPorts:
        return JobPorts(self.events.append, self.digest, self.nothing, self.nothing)


def plan(effects: Effects, settings: Settings | None = None) -> dict[str, JobRule]:
    rules = standard_jobs(settings or Settings(), ("15m", "1h"), ManualClock(7), effects.ports)
    return {rule.id: rule for rule in rules}


def test_the_jobs_of_a_desk() -> None:
    assert {rule.id: str(rule.when) for rule in plan(Effects()).values()} == {
        "candles:15m": "every 15m + 2s",
        "candles:1h": "every 1h + 2s",
        "day": "every 1d",
        "reconcile": "every 5m + 45s",
        "digest:daily": "0 8 * * * (UTC)",
        "digest:weekly": "0 8 * * mon (UTC)",
        "digest:monthly": "0 8 1 * * (UTC)",
        "prune": "every 1d + 210m",
        "heartbeat": "every 10s",
    }


def test_only_the_heartbeat_follows_the_wall() -> None:
    assert [rule.id for rule in plan(Effects()).values() if rule.wall] == ["heartbeat"]


def test_digests_without_a_line_do_not_come() -> None:
    settings = Settings(digests=Digests(daily="", weekly="", monthly="0 9 1 * *"), timezone="Asia/Tokyo")
    digests = {
        rule.id: str(rule.when) for rule in plan(Effects(), settings).values() if rule.id.startswith("digest")
    }
    assert digests == {"digest:monthly": "0 9 1 * * (Asia/Tokyo)"}


async def test_ticks_go_into_the_inbox_with_business_time() -> None:
    effects = Effects()
    jobs = plan(effects)
    for job_id in ("candles:1h", "day", "reconcile"):
        await jobs[job_id].work()
    assert effects.events == [TimerDue(7, "candles", "1h"), TimerDue(7, "day"), TimerDue(7, "reconcile")]


async def test_each_digest_is_told_its_period() -> None:
    effects = Effects()
    jobs = plan(effects)
    assert await jobs["digest:weekly"].work() == "sent"
    await jobs["digest:daily"].work()
    assert effects.digests == ["weekly", "daily"]


def test_boundaries_of_a_period() -> None:
    rule = Every(15 * MINUTE_MS, 2000)
    assert rule.first_ms(0) == 2000
    assert rule.first_ms(2000) == 2000
    assert rule.first_ms(2001) == 15 * MINUTE_MS + 2000
    assert rule.next_ms(2000, 2000) == 15 * MINUTE_MS + 2000
    assert rule.next_ms(2000, 10 * DAY_MS) == 10 * DAY_MS - 15 * MINUTE_MS + 2000
    assert rule.next_ms(2000, 10 * DAY_MS + 2000) == 10 * DAY_MS + 2000


def test_drift_is_looked_at_where_there_are_models_and_a_line() -> None:
    effects = Effects()
    ports = replace(effects.ports, drift=effects.nothing)
    settings = load_text("timezone: Asia/Tokyo\nml: {drift: '0 6 * * sat'}\n", Path("home"), {}).settings
    for given, expected in (
        (settings, {"drift": "0 6 * * sat (Asia/Tokyo)"}),
        (Settings(), {"drift": "0 5 * * sun (UTC)"}),
    ):
        rules = standard_jobs(given, ("15m",), ManualClock(7), ports)
        assert {rule.id: str(rule.when) for rule in rules if rule.id == "drift"} == expected
    never = load_text("ml: {drift: ''}\n", Path("home"), {}).settings
    assert "drift" not in {rule.id for rule in standard_jobs(never, ("15m",), ManualClock(7), ports)}
