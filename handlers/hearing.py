"""One request that passed the gates, and the sentences about waiting for its rest."""

from dataclasses import dataclass

from handlers.asked import Asked
from handlers.command import Actor
from handlers.reply import Reply
from handlers.request import Request, RequestKind


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who asks what, and of which account."""

    request: Request
    asked: Asked
    actor: Actor
    account: str

    @property
    def on_card(self) -> bool:
        """True when the request says which message it was made on: a press, a dialog box of a known message."""
        kind = self.request.kind
        return kind is RequestKind.BUTTON or (kind is RequestKind.MODAL and bool(self.request.message_id))


def send_now(what: str, title: str, seconds: int) -> Reply:
    """Asks for a text."""
    text = f"Your next message here within {seconds} s is taken as the {what}; any command drops it."
    return Reply(title, text=text, expects=what.capitalize())
