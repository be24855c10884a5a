"""The console: the desk in a terminal, for people at a keyboard and for pipes."""

from handlers.platforms.console.chat import ConsoleChat
from handlers.platforms.console.lines import Lines, PipeLines, PromptLines
from handlers.platforms.console.screen import Screen, terminal

__all__ = ["ConsoleChat", "Lines", "PipeLines", "PromptLines", "Screen", "terminal"]
