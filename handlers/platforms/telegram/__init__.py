"""Telegram: polling, menus by role, inline buttons, pages within its limits."""

from handlers.platforms.telegram.chat import TelegramChat, TelegramSettings

__all__ = ["TelegramChat", "TelegramSettings"]
