"""The last touch on a reply: button ids, pages of long tables, the command's name."""

import logging
from dataclasses import dataclass, replace

from handlers.asked import Asked
from handlers.buttons import ButtonBook, GiveAnswer, RunLine, SecondAnswer, TurnPage
from handlers.command import Actor, Role
from handlers.confirm import Question
from handlers.registry import Registry
from handlers.reply import Button, ButtonStyle, Reply, Table
from handlers.request import Request

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dresser:
    """Gives replies what a platform needs to show them."""

    registry: Registry
    book: ButtonBook

    def dress(self, reply: Reply, request: Request, asked: Asked, actor: Actor | None) -> Reply:
        """Name, buttons with ids, the first page of a long table."""
        named = replace(reply, name=asked.command.name if asked.command else asked.word)
        if actor is not None:
            named = replace(named, buttons=self._buttons(named, request.chat_id, actor.role))
        named = replace(named, in_place=self._in_place(named, asked))
        return self.page(named, request, 0)

    def dress_for(self, chat_id: str, role: Role, reply: Reply) -> Reply:
        """Buttons with ids for a chat and a role, for what is said unasked."""
        return replace(reply, buttons=self._buttons(reply, chat_id, role))

    def card(self, preview: Reply, question: Question, seconds: int) -> Reply:
        """A preview with Confirm and Cancel, the question's only two answers; its own buttons ask something else."""
        line = question.arguments.line
        confirm = self._answer(question, ButtonStyle.DANGER, line, yes=True)
        cancel = self._answer(question, ButtonStyle.SECONDARY, "", yes=False)
        text = f"{preview.text}\nConfirm within {seconds} s.".strip()
        return replace(preview, text=text, buttons=(confirm, cancel, *preview.buttons))

    def page(self, reply: Reply, request: Request, first: int) -> Reply:
        """The rows from `first` on that fit a message, and buttons to the pages around; nothing is dropped."""
        rows, size = reply.table.rows if reply.table else (), request.page_rows
        if reply.table is None or not size or len(rows) <= size:
            return reply
        last = min(first + size, len(rows))
        shown = Table(reply.table.columns, rows[first:last])
        text = f"{reply.text}\nRows {first + 1} to {last} of {len(rows)}.".strip()
        turns = self._turns(reply, request, first)
        return replace(reply, table=shown, text=text, buttons=turns + reply.buttons)

    def _turns(self, reply: Reply, request: Request, first: int) -> tuple[Button, ...]:
        size, total = request.page_rows, len(reply.table.rows) if reply.table else 0
        starts = [start for start in (first - size, first + size) if 0 <= start < total]
        return tuple(
            Button(
                f"{start + 1} to {min(start + size, total)}",
                "",
                id=self.book.issue(TurnPage(request.chat_id, reply, start)),
            )
            for start in starts
        )

    def _answer(self, question: Question, style: ButtonStyle, line: str, yes: bool) -> Button:
        key = self.book.issue(GiveAnswer(question.chat_id, question, yes))
        return Button("Confirm" if yes else "Cancel", line, style, key)

    def _buttons(self, reply: Reply, chat_id: str, role: Role) -> tuple[Button, ...]:
        """Ids for the buttons that the actor's role reaches; a button without a command is a fault of ours."""
        buttons: list[Button] = []
        for button in reply.buttons:
            command = self.registry.find(button.command_line.removeprefix("/").partition(" ")[0])
            if button.id:
                buttons.append(button)
            elif command is None:
                log.error("a button of /%s runs no command: %r", reply.name, button.command_line)
            elif command.role <= role:
                held = RunLine(chat_id, button.command_line, reply.name, button.prompt)
                buttons.append(replace(button, id=self.book.issue(held)))
        return tuple(buttons)

    def _in_place(self, reply: Reply, asked: Asked) -> bool:
        """A pressed button's card becomes the reply when it was answered, refreshed or turned."""
        match asked.held:
            case RunLine(shown_by=shown_by):
                return shown_by == reply.name and reply.ok
            case TurnPage():
                return True
            case GiveAnswer() | SecondAnswer():
                return reply.in_place
            case None:
                return False
