"""What a platform hands to the dispatcher: one request, whatever face it came in by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ChatKind(StrEnum):
    """Where it was said. A channel speaks for nobody: nothing said there is ever run."""

    PRIVATE = "private"
    GROUP = "group"
    CHANNEL = "channel"
    CONSOLE = "console"
    WEB = "web"


class RequestKind(StrEnum):
    """How it was said: a line of text, a pressed button, a slash command's options, a web form, a dialog box."""

    TEXT = "text"
    BUTTON = "button"
    SLASH = "slash"
    FORM = "form"
    MODAL = "modal"


def nobody_waits() -> None:
    """A delivery that is not confirmed."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of one person.

    TEXT fills `text`, BUTTON fills `button` (the opaque id of a Button), SLASH and FORM fill `command` and `arguments`,
    MODAL fills `button` (of the button that opened it) and `text` (what was typed into it).
    `update_id` is the platform's id of the delivery, empty when it cannot be delivered twice. `within` names wider
    places that hold the chat (the group of a topic, the guild of a channel): allowing one of them allows the chat.
    `page_rows` is how many table rows fit a message, 0 when tables need no pages. `taken` is called when the update is
    claimed: from then on a crash loses it no more, and the platform may forget it.
    """

    platform: str
    user_id: str
    user_name: str
    chat_id: str
    chat_kind: ChatKind
    kind: RequestKind
    sent_at_ms: int
    update_id: str = ""
    text: str = ""
    command: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    button: str = ""
    message_id: str = ""
    within: tuple[str, ...] = ()
    page_rows: int = 0
    edited: bool = False
    forwarded: bool = False
    from_bot: bool = False
    anonymous: bool = False
    via_bot: bool = False
    taken: Callable[[], None] = field(default=nobody_waits, compare=False, repr=False)

    @property
    def never_runs(self) -> str:
        """Why a request of this kind is never run; empty when it may be."""
        reasons = {
            "edited": self.edited,
            "forwarded": self.forwarded,
            "from a bot": self.from_bot,
            "anonymous": self.anonymous,
            "through a bot": self.via_bot,
            "from a channel": self.chat_kind is ChatKind.CHANNEL,
        }
        return ", ".join(reason for reason, holds in reasons.items() if holds)
