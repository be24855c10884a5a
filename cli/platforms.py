"""The chat platforms that have a token, and webhooks; their libraries are imported only then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from bot.config.people import Look
from bot.config.secrets import Secrets
from cli.couriers import on_call
from cli.house import House
from cli.live import Running, courier
from handlers.command import Role
from handlers.escalation import listening
from handlers.notices import Recipient
from handlers.request import Request
from handlers.session import Handle
from handlers.speaker import Speaker


class Platform(Speaker, Protocol):
    """A platform that can be run."""

    async def run(self) -> None:
        """Stay connected until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One platform: what it needs to run, and how it is made."""

    wanted: Callable[[House], bool]
    make: Callable[[Running], Platform]


def begin_platforms(running: Running) -> tuple[str, ...]:
    """Start every platform there is a token for, each with its courier; answers their names."""
    house = running.house
    found = [kind.make(running) for kind in KINDS if kind.wanted(house)]
    if found:
        running.begin("pictures", running.studio.run())
    for platform in found:
        running.speakers.append((platform, None))
        running.begin(platform.platform, platform.run())
    running.speakers += webhooks(house.plan.loaded.secrets)
    for speaker, people in running.speakers:
        running.begin(f"{speaker.platform} notices", courier(running, speaker, people).run())
    if running.speakers:
        running.begin("escalation", on_call(house).run(house.opened_at_ms))
    return tuple(platform.platform for platform in found)


def webhooks(given: Secrets) -> list[tuple[Speaker, Sequence[Recipient]]]:
    """Addresses that get notices and command nothing. Raises ConfigError."""
    if not given.slack_webhook and not given.discord_webhook:
        return []
    from handlers.platforms.webhooks import DiscordWebhook, SlackWebhook, recipient

    found: list[Speaker] = []
    found += [SlackWebhook(given.slack_webhook)] if given.slack_webhook else []
    found += [DiscordWebhook(given.discord_webhook)] if given.discord_webhook else []
    return [(speaker, (recipient(speaker),)) for speaker in found]


def roles(house: House, platform: str) -> dict[str, Role]:
    """User ids of a platform with their roles, as they are now."""
    crew = house.front.access.crew(house.wall_ms())
    return {user.partition(":")[2]: role for user, role in crew.items() if user.startswith(f"{platform}:")}


def handle_of(house: House) -> Handle:
    """The way in; a pressed button of a critical notice acknowledges it."""
    return listening(house.dispatcher.handle, on_call(house))


def knows(house: House, request: Request) -> bool:
    """True for the crew in a place where it is answered."""
    access = house.front.access
    user = f"{request.platform}:{request.user_id}"
    return access.role(user, house.wall_ms()) is not None and access.allows_chat(request)


def _wants_telegram(house: House) -> bool:
    loaded = house.plan.loaded
    return bool(loaded.secrets.telegram_token) and loaded.settings.chat.telegram.enabled


def _telegram(running: Running) -> Platform:
    from handlers.platforms.telegram import TelegramChat, TelegramSettings

    house = running.house
    telegram = house.plan.loaded.settings.chat.telegram
    chosen = TelegramSettings(
        token=house.plan.loaded.secrets.telegram_token,
        menus=roles(house, "telegram"),
        dark_pictures=telegram.look is Look.DARK,
        chats=frozenset(telegram.chats),
    )
    if telegram.api_url:
        address = telegram.api_url
        chosen = replace(chosen, base_url=f"{address}/bot", base_file_url=f"{address}/file/bot")
    chat = TelegramChat(
        settings=chosen,
        handle=handle_of(house),
        registry=house.dispatcher.registry,
        drawing=running.drawing,
        wall_clock=house.wall_ms,
        placed=house.dispatcher.placed,
        alarm=house.ring,
    )
    running.begin(
        "telegram menus", house.front.access.watch(lambda _: chat.renew_menus(roles(house, "telegram")))
    )
    return chat


def _wants_discord(house: House) -> bool:
    loaded = house.plan.loaded
    return bool(loaded.secrets.discord_token) and loaded.settings.chat.discord.enabled


def _discord(running: Running) -> Platform:
    from handlers.platforms.discord import DiscordChat, DiscordSettings

    house = running.house
    discord = house.plan.loaded.settings.chat.discord
    guilds = tuple(int(guild) for guild in discord.guilds)
    chosen = DiscordSettings(house.plan.loaded.secrets.discord_token, guilds, discord.api_url)
    return DiscordChat(
        settings=replace(chosen, dark_pictures=discord.look is Look.DARK),
        handle=handle_of(house),
        registry=house.dispatcher.registry,
        suggest=house.dispatcher.suggest,
        drawing=running.drawing,
        placed=house.dispatcher.placed,
        knows=partial(knows, house),
    )


def _wants_slack(house: House) -> bool:
    loaded = house.plan.loaded
    tokens = loaded.secrets.slack_token and loaded.secrets.slack_app_token
    return bool(tokens) and loaded.settings.chat.slack.enabled


def _slack(running: Running) -> Platform:
    from handlers.platforms.slack import SlackChat, SlackSettings

    house = running.house
    slack, given = house.plan.loaded.settings.chat.slack, house.plan.loaded.secrets
    chosen = SlackSettings(given.slack_token, given.slack_app_token, dark_pictures=slack.look is Look.DARK)
    return SlackChat(
        settings=replace(chosen, base_url=f"{slack.api_url}/") if slack.api_url else chosen,
        handle=handle_of(house),
        registry=house.dispatcher.registry,
        drawing=running.drawing,
        wall_clock=house.wall_ms,
        placed=house.dispatcher.placed,
        knows=partial(knows, house),
    )


KINDS = (Kind(_wants_telegram, _telegram), Kind(_wants_discord, _discord), Kind(_wants_slack, _slack))


def half_given(secrets: Secrets) -> str:
    """What is said when Slack has one of its two tokens; empty otherwise."""
    if bool(secrets.slack_token) == bool(secrets.slack_app_token):
        return ""
    return "Slack needs both SLACK_TOKEN and SLACK_APP_TOKEN; it stays off"
