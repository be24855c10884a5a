"""Where a reply ended up: a question's buttons count only on the message that showed it."""

from collections.abc import Callable

from handlers.reply import Reply

type Placed = Callable[[Reply, str], None]
"""Called by a face with a reply that has buttons and the id of the message they hang on."""


def unplaced(reply: Reply, message_id: str) -> None:
    """For faces that nobody asks where they put things."""
