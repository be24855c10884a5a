"""Which symbols move alike, as the grouping of the week says: kept over restarts until the next one."""

from bot.domain.action import RecordSetting
from bot.domain.event import ClustersChanged
from bot.engine.keeping import Plain, text
from bot.engine.state import EngineState
from bot.engine.turn import Turn

KEY = "clusters"


def on_change(turn: Turn, event: ClustersChanged) -> None:
    """From the next entry on; recorded where it says something else than before."""
    groups = dict(event.groups)
    if groups == turn.state.clusters:
        return
    turn.state.clusters = groups
    turn.act(RecordSetting(turn.at_ms, KEY, text(groups), "engine", "", ""))


def take(state: EngineState, found: Plain) -> None:
    """What the last run knew."""
    state.clusters = {name: int(number) for name, number in (found or {}).items()}
