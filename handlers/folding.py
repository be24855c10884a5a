"""Many notices in few messages: storms of one kind, and what grew old while a chat was away; totals, nothing hidden."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.notice import Notice, NoticeKind, Severity
from bot.runtime.ports import QueuedNotice

_LISTED = 10
_NET = "Net"
_MONEY = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?) ([A-Z0-9]{2,12})")


@dataclass(frozen=True, slots=True)
class FoldRules:
    """`keep` notices of a kind in a batch are sent before the rest is folded into one.

    `expire_ms` is how old (in business time) a notice that is not critical may get before it is only summed up.
    """

    keep: int = 5
    expire_ms: int = 3_600_000


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message to send, and the queued notices that are done with it."""

    notice: Notice
    ids: tuple[int, ...]

    @property
    def is_sum(self) -> bool:
        """True when it stands for many."""
        return len(self.ids) > 1


def fold(waiting: Sequence[QueuedNotice], rules: FoldRules, now_ms: int) -> Iterator[Parcel]:
    """Parcels in order: what is critical and the first of each kind alone, expired ones and storms summed up."""
    critical = [queued for queued in waiting if queued.notice.severity is Severity.CRITICAL]
    others = [queued for queued in waiting if queued.notice.severity is not Severity.CRITICAL]
    old = [queued for queued in others if now_ms - queued.notice.at_ms > rules.expire_ms]
    expired = old if len(old) > rules.keep else []  # a few are told as they are
    hidden = {queued.id for queued in expired}
    fresh = [queued for queued in others if queued.id not in hidden]
    yield from (_single(queued) for queued in critical)
    if expired:
        yield _sum(expired, f"While this chat was away: {len(expired)} older notices")
    yield from _storms(fresh, rules.keep)


def _storms(fresh: Sequence[QueuedNotice], keep: int) -> Iterator[Parcel]:
    """The first `keep` of each kind in order; what is more of a kind in one message where its first would stand."""
    count: dict[NoticeKind, int] = {}
    extra: dict[NoticeKind, list[QueuedNotice]] = {}
    for queued in fresh:
        kind = queued.notice.kind
        count[kind] = count.get(kind, 0) + 1
        if count[kind] > keep:
            extra.setdefault(kind, []).append(queued)
    folded = {kind: more for kind, more in extra.items() if len(more) > 1}
    first = {more[0].id: more for more in folded.values()}
    hidden = {queued.id for more in folded.values() for queued in more}
    for queued in fresh:
        if queued.id in first:
            more = first[queued.id]
            yield _sum(more, f"{len(more)} more like this: {_words(queued.notice.kind)}")
        elif queued.id not in hidden:
            yield _single(queued)


def _single(queued: QueuedNotice) -> Parcel:
    return Parcel(queued.notice, (queued.id,))


def _sum(queued: Sequence[QueuedNotice], title: str) -> Parcel:
    """One notice for many: how many of each kind when they differ, what they come to, and the newest headlines."""
    kinds: dict[NoticeKind, int] = {}
    for one in queued:
        kinds[one.notice.kind] = kinds.get(one.notice.kind, 0) + 1
    counts = tuple((_words(kind), str(number)) for kind, number in kinds.items()) if len(kinds) > 1 else ()
    lines = tuple(
        (one.notice.symbol or _words(one.notice.kind), one.notice.title) for one in queued[-_LISTED:]
    )
    rest = len(queued) - len(lines)
    more = (("and", f"{rest} before these"),) if rest else ()
    fields = (*counts, *_totals([one.notice for one in queued]), *more, *lines)
    newest = queued[-1].notice
    summed = replace(newest, title=title, fields=fields, symbol="")
    return Parcel(summed, tuple(one.id for one in queued))


def _totals(notices: Sequence[Notice]) -> Iterator[tuple[str, str]]:
    """What the closed trades among them come to, by currency."""
    nets: dict[str, list[Decimal]] = {}
    for notice in notices:
        if notice.kind is NoticeKind.EXIT and (found := _MONEY.fullmatch(dict(notice.fields).get(_NET, ""))):
            nets.setdefault(found[2], []).append(Decimal(found[1]))
    for quote, amounts in nets.items():
        won = sum(amount > 0 for amount in amounts)
        yield "Net in all", f"{sum(amounts):+f} {quote} in {len(amounts)} trades, {won} won"


def _words(kind: NoticeKind) -> str:
    return kind.value.replace("_", " ")
