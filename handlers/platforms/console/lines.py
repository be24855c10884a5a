"""Where the console's lines come from: a person at a prompt, or a pipe."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Thread
from typing import Protocol, TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.patch_stdout import patch_stdout

from handlers.completion import Suggestion

type Complete = Callable[[str], Sequence[Suggestion]]


class Lines(Protocol):
    """A source of lines."""

    async def read(self) -> str | None:
        """The next line, None when there are no more."""
        ...


class _Completions(Completer):
    """What prompt_toolkit wants to know while somebody types."""

    def __init__(self, complete: Complete) -> None:
        """`complete` answers for the text left of the cursor."""
        self._complete = complete

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Suggestions as the prompt shows them."""
        for suggestion in self._complete(document.text_before_cursor.lstrip()):
            yield Completion(suggestion.text, -suggestion.replaces, display_meta=suggestion.help)


def _keys(completions: Completer) -> KeyBindings:
    """Tab takes the only completion at once, even when the menu has not come up yet."""
    keys = KeyBindings()

    @keys.add("tab")
    def take(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        found = list(completions.get_completions(buffer.document, CompleteEvent(completion_requested=True)))
        if len(found) == 1:
            buffer.apply_completion(found[0])
        elif buffer.complete_state:
            buffer.complete_next()
        else:
            buffer.start_completion(insert_common_part=True)

    return keys


class PromptLines:
    """A prompt with completion and a history that outlives the process; Ctrl-C and Ctrl-D end it."""

    def __init__(
        self,
        complete: Complete,
        history: Path,
        prompt: str = "> ",
        keyboard: Input | None = None,
        display: Output | None = None,
    ) -> None:
        """`history` is a file; `keyboard` and `display` are the terminal's unless a test brings its own."""
        history.parent.mkdir(parents=True, exist_ok=True)
        self._prompt = prompt
        self._session: PromptSession[str] = PromptSession(
            history=FileHistory(str(history)),
            completer=_Completions(complete),
            auto_suggest=AutoSuggestFromHistory(),
            complete_while_typing=True,
            key_bindings=_keys(_Completions(complete)),
            input=keyboard,
            output=display,
        )

    async def read(self) -> str | None:
        """Ask for a line; whatever is printed meanwhile appears above the prompt."""
        try:
            with patch_stdout(raw=True):
                return await self._session.prompt_async(self._prompt)
        except (EOFError, KeyboardInterrupt):
            return None


class PipeLines:
    """Lines of a pipe or a file, read by a thread: reading must not hold up the desk."""

    def __init__(self, stream: TextIO) -> None:
        """`stream` is read to its end."""
        self._stream = stream
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._started = False

    async def read(self) -> str | None:
        """The next line without its end."""
        if not self._started:
            self._started = True
            loop = asyncio.get_running_loop()
            Thread(target=self._pump, args=(loop,), name="console input", daemon=True).start()
        return await self._queue.get()

    def _pump(self, loop: asyncio.AbstractEventLoop) -> None:
        """Runs in the thread; the loop may be gone when the process ends before its input does."""
        try:
            for line in self._stream:
                loop.call_soon_threadsafe(self._queue.put_nowait, line.rstrip("\r\n"))
            loop.call_soon_threadsafe(self._queue.put_nowait, None)
        except RuntimeError:
            return
