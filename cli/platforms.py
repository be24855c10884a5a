"""The chat platforms that have a token; their libraries are imported only then."""

from dataclasses import replace
from functools import partial
from typing import Protocol

from bot.config.settings import Settings
from cli.couriers import on_call
from cli.house import House
from cli.live import Running, courier
from handlers.command import Role
from handlers.completion import complete_value
from handlers.escalation import listening
from handlers.parameter import Parameter
from handlers.speaker import Speaker

MOST_SUGGESTED = 25


class Platform(Speaker, Protocol):
    """A platform that can be run."""

    async def run(self) -> None:
        """Stay connected until cancelled."""
        ...


def begin_platforms(house: House, running: Running) -> tuple[str, ...]:
    """Start every platform there is a token for, each with its courier; answers their names."""
    secrets, settings = house.plan.loaded.secrets, house.plan.loaded.settings
    found: list[Platform] = []
    if secrets.telegram_token and settings.chat.telegram.enabled:
        found.append(_telegram(running, secrets.telegram_token))
    if secrets.discord_token and settings.chat.discord.enabled:
        found.append(_discord(running, secrets.discord_token))
    if found:
        running.begin("escalation", on_call(house).run(house.opened_at_ms))
    for platform in found:
        running.begin(platform.platform, platform.run())
        carrier = courier(running, platform)
        running.begin(f"{platform.platform} notices", carrier.run())
    return tuple(platform.platform for platform in found)


def roles(settings: Settings, platform: str) -> dict[str, Role]:
    """User ids of a platform with their roles."""
    return {
        user.partition(":")[2]: Role[role.value.upper()]
        for user, role in settings.chat.users.items()
        if user.startswith(f"{platform}:")
    }


def _telegram(running: Running, token: str) -> Platform:
    from handlers.platforms.telegram import TelegramChat, TelegramSettings

    house = running.house
    settings = house.plan.loaded.settings
    address = settings.chat.telegram.api_url
    chosen = TelegramSettings(token, roles(settings, "telegram"))
    if address:
        chosen = replace(chosen, base_url=f"{address}/bot", base_file_url=f"{address}/file/bot")
    return TelegramChat(
        settings=chosen,
        handle=listening(house.dispatcher.handle, on_call(house)),
        registry=house.commands,
        drawing=running.drawing,
        wall_clock=house.wall_ms,
    )


def _discord(running: Running, token: str) -> Platform:
    from handlers.platforms.discord import DiscordChat, DiscordSettings

    house = running.house
    settings = house.plan.loaded.settings
    discord = settings.chat.discord
    return DiscordChat(
        settings=DiscordSettings(token, tuple(int(g) for g in discord.guilds), discord.api_url),
        handle=listening(house.dispatcher.handle, on_call(house)),
        registry=house.commands,
        suggest=partial(suggest, house),
        drawing=running.drawing,
    )


def suggest(house: House, user: str, parameter: Parameter, typed: str) -> tuple[str, ...]:
    """Autocompletion for those who may command the desk."""
    if user not in house.plan.loaded.settings.chat.users:
        return ()
    return complete_value(parameter, typed, house.desk, MOST_SUGGESTED)
