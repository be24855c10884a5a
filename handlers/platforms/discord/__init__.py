"""Discord: slash commands with typed options, autocomplete, buttons, embeds within its limits."""

from handlers.platforms.discord.chat import DiscordChat, DiscordSettings

__all__ = ["DiscordChat", "DiscordSettings"]
