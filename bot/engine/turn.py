"""One event's turn: the state it may change, its time, and the actions it leads to."""

from dataclasses import dataclass, field

from bot.domain.action import Action, Answer, Notify, TakeSnapshot
from bot.domain.command import Done
from bot.domain.notice import Notice, NoticeKind, Severity
from bot.domain.refusal import Refused
from bot.engine.state import EngineState, SymbolState


@dataclass(slots=True)
class Turn:
    """Handed to every function that reacts to an event; collects actions in order."""

    state: EngineState
    at_ms: int
    actions: list[Action] = field(default_factory=list)

    def act(self, *actions: Action) -> None:
        """Add actions."""
        self.actions.extend(actions)

    def look(self) -> None:
        """Ask the venue for everything that exists, and for what happened since the books were last proven."""
        self.actions.append(TakeSnapshot(self.state.ask_since_ms))

    def answer(self, command_id: str, result: Done | Refused) -> None:
        """Answer the command."""
        self.actions.append(Answer(command_id, result))

    def tell(
        self,
        kind: NoticeKind,
        severity: Severity,
        title: str,
        fields: tuple[tuple[str, str], ...] = (),
        symbol: str = "",
    ) -> None:
        """Tell people."""
        self.actions.append(Notify(Notice(kind, severity, self.at_ms, title, fields, symbol)))

    def symbol(self, symbol: str) -> SymbolState | None:
        """A traded symbol's state; None for one we do not trade."""
        return self.state.symbols.get(symbol)
