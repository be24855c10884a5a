"""What is told when a desk is back whose last run did not end in order: how long it was away, and what was found."""

from collections.abc import Mapping

from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.heartbeat import STOPPED, WRITTEN_AT
from cli.house import House
from handlers.cards import clock, listed
from handlers.format import count, duration

MOST_DIFFERENCES = 100


async def comeback(house: House, last_beat: Mapping[str, object] | None) -> Notice | None:
    """The notice; None after a run that ended in order, and on a first start. `last_beat` was read before the start."""
    recovered = house.recovered
    if recovered.clean or recovered.first_start:
        return None
    status = house.desk.status()
    ledger = house.database.ledger(house.plan.account)
    differences = [d for d in await ledger.differences(MOST_DIFFERENCES) if d.at_ms >= house.opened_at_ms]
    fields = (
        *_away(house, last_beat),
        ("Positions", listed([position.symbol for position in status.positions], "/positions")),
        ("Without a stop", listed(status.uncovered, "/orders")),
        ("Differences", _differences(len(differences))),
        ("Compared with the venue", "yes" if status.reconciled else "not yet"),
    )
    worrying = bool(status.uncovered) or not status.reconciled
    severity = Severity.CRITICAL if worrying else Severity.TRADE
    title = f"The last run did not end in order{_for_how_long(house, last_beat)}"
    return Notice(NoticeKind.RECOVERY, severity, house.now_ms(), title, fields)


def _last_at_ms(last_beat: Mapping[str, object] | None) -> int:
    """When the run before was last heard of, in people's time; 0 when that is not known."""
    written = (last_beat or {}).get(WRITTEN_AT)
    return written if isinstance(written, int) and not (last_beat or {}).get(STOPPED) else 0


def _for_how_long(house: House, last_beat: Mapping[str, object] | None) -> str:
    at_ms = _last_at_ms(last_beat)
    return f"; away for {duration(max(0, house.wall_ms() - at_ms))}" if at_ms else ""


def _away(house: House, last_beat: Mapping[str, object] | None) -> tuple[tuple[str, str], ...]:
    at_ms = _last_at_ms(last_beat)
    return (("Last heard of", clock(house.desk).full(at_ms) if at_ms else "unknown"),)


def _differences(number: int) -> str:
    return f"{count(number, 'difference')}, see /reconcile" if number else "none"
