"""What the Bot API answers instead of a result."""


class Refused(Exception):
    """An answer with `ok` false: HTTP status, description, and how many seconds to wait after a 429."""

    def __init__(self, code: int, description: str, retry_after: int = 0) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after

    def answer(self) -> dict[str, object]:
        """As JSON."""
        made: dict[str, object] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.retry_after:
            made["parameters"] = {"retry_after": self.retry_after}
        return made


def bad(text: str) -> Refused:
    """A request that cannot be carried out."""
    return Refused(400, f"Bad Request: {text}")


def unparsable(text: str) -> Refused:
    """Markup that is none."""
    return bad(f"can't parse entities: {text}")


def forbidden(text: str) -> Refused:
    """A chat that does not let the bot in."""
    return Refused(403, f"Forbidden: {text}")


def too_many(seconds: int) -> Refused:
    """Faster than allowed."""
    return Refused(429, f"Too Many Requests: retry after {seconds}", seconds)
