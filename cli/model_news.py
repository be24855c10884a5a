"""What people are told of models that change: the first few of many by name, the others by number, the log has all."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import assert_never

from bot.domain.notice import Severity
from bot.ml.shelf import Change, Kept, Missing, Swapped, Withdrawn
from handlers.format import count

NAMED = 5
"""Of changes that come together, so many of each kind are told one by one."""
KINDS = {Swapped: "now in use", Kept: "cannot be used", Withdrawn: "taken out of use"}

log = logging.getLogger(__name__)


class ModelNews:
    """Tells of changes; those that come before the shelf is `settled` again belong together."""

    def __init__(self, tell: Callable[[Severity, str], None]) -> None:
        """`tell` raises a notice."""
        self._tell = tell
        self._seen: Counter[str] = Counter()
        self._worst = Severity.INFO

    def changed(self, change: Change) -> None:
        """One model has changed, or all are gone."""
        severity, words = words_of(change)
        if isinstance(change, Missing):
            self._tell(severity, words)
            return
        kind = KINDS[type(change)]
        self._seen[kind] += 1
        if self._seen[kind] <= NAMED:
            self._tell(severity, words)
            return
        log.info("%s", words)
        self._worst = Severity.CRITICAL if isinstance(change, Kept) else self._worst

    def settled(self) -> None:
        """Nothing is under way any more: what was not told by name is told by number."""
        more = {kind: seen - NAMED for kind, seen in self._seen.items() if seen > NAMED}
        if more:
            listed = ", ".join(f"{number} {kind}" for kind, number in more.items())
            self._tell(
                self._worst, f"And {count(sum(more.values()), 'model')} more: {listed}; the log names them"
            )
        self._seen.clear()
        self._worst = Severity.INFO


def words_of(change: Change) -> tuple[Severity, str]:
    """What a change is, in one line."""
    name = "" if isinstance(change, Missing) else "/".join(change.place)
    match change:
        case Missing(reason=reason, kept=kept):
            words = f"The folder of models cannot be read, {count(kept, 'model')} in use stay so: {reason}"
            return Severity.CRITICAL, words
        case Swapped(version=version, before=before):
            instead = f" instead of {before}" if before else ""
            return Severity.INFO, f"Model {name}: {version} is in use now{instead}"
        case Kept(version=version, reason=reason, kept=old):
            stays = f"{old} stays in use" if old else "its signals have no score"
            what = f"{version} cannot be used" if version else "what is in use cannot be read"
            return Severity.CRITICAL, f"Model {name}: {what}, {stays}: {reason}"
        case Withdrawn(before=before):
            return Severity.INFO, f"Model {name}: {before} was taken out of use"
        case _:
            assert_never(change)
