"""What a shell has to do when a request gets no answer, and what a control call or a rule is refused with."""


class Cut(Exception):
    """The connection is cut: no answer. `refused`: it was never accepted."""

    def __init__(self, *, refused: bool = False) -> None:
        super().__init__("connection refused" if refused else "connection cut")
        self.refused = refused


class Refusal(Exception):
    """A control call or a rule that cannot be: one line with what, where and what is allowed. `status` is HTTP's."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status
