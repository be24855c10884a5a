"""What goes wrong at a chat provider: by method and count, or altogether."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Trouble:
    """One rule: instead of the answer a cut connection, these bytes, or an error with `status`; else it is only late.

    `method` is a glob over the platform's method names. `times` None: until cleared. `done`: the request is carried out
    ahead of it (with `cut`: the caller cannot know); otherwise nothing of it happens. `delay_s` comes first, in seconds
    of the loop.
    """

    method: str = "*"
    times: int | None = 1
    delay_s: float = 0.0
    status: int = 0
    description: str = ""
    retry_after: float | None = None
    cut: bool = False
    body: bytes | None = None
    done: bool = False

    @property
    def replaces(self) -> bool:
        """Whether the answer is another one than it would have been."""
        return self.cut or self.body is not None or self.status != 0


@dataclass(slots=True)
class Troubles:
    """The armed rules, and whether the provider is away."""

    is_down: bool = False
    met: list[tuple[str, Trouble]] = field(default_factory=list)
    _armed: list[tuple[Trouble, int]] = field(default_factory=list)
    _watchers: list[Callable[[], None]] = field(default_factory=list)

    def arm(self, trouble: Trouble) -> None:
        """From now on; rules strike in the order in which they were armed, one per request."""
        self._armed.append((trouble, 0))

    def clear(self) -> None:
        """No rules any more; a provider that is away stays away."""
        self._armed.clear()

    def meet(self, method: str) -> Trouble | None:
        """The rule that strikes this request, counted; None when nothing goes wrong."""
        for place, (trouble, struck) in enumerate(self._armed):
            spent = trouble.times is not None and struck >= trouble.times
            if not spent and fnmatchcase(method, trouble.method):
                self._armed[place] = (trouble, struck + 1)
                self.met.append((method, trouble))
                return trouble
        return None

    def down(self) -> None:
        """The provider is away: open connections are cut now, new ones at once."""
        self.is_down = True
        for cut in self._watchers:
            cut()

    def up(self) -> None:
        """It is back."""
        self.is_down = False

    def watch(self, cut: Callable[[], None]) -> None:
        """`cut` is called whenever the provider goes away."""
        self._watchers.append(cut)
