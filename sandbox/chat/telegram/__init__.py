"""The Telegram Bot API on loopback, and the people who write to the bot."""

from sandbox.chat.telegram.people import People, Person, Said
from sandbox.chat.telegram.seen import Seen
from sandbox.chat.telegram.server import TEST_TOKEN, TelegramSandbox

__all__ = ["TEST_TOKEN", "People", "Person", "Said", "Seen", "TelegramSandbox"]
