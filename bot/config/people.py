"""Settings of the conversation: who may do what, platforms, notices, digests."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from bot.config.kinds import ADDRESS_RULE, CRON_RULE, HOURS_RULE, Cron, QuietHours, WebAddress
from bot.config.values import Identifier, Section, Switch, Text, Whole, refused, setting, shown
from bot.domain.notice import NoticeKind

_USER = re.compile(r"(telegram|discord|slack|console|web):\S{1,64}")


class RoleName(StrEnum):
    """What a person may do; each role may do what the one before it may."""

    VIEWER = "viewer"
    TRADER = "trader"
    ADMIN = "admin"


type Users = Mapping[str, RoleName]
type Persons = Mapping[str, tuple[Text, ...]]
type Routes = Mapping[str, Text]


KINDS_RULE = f"list of {', '.join(NoticeKind)}"


class Look(StrEnum):
    """How pictures look on a platform."""

    DARK = "dark"
    LIGHT = "light"


class Telegram(Section):
    """Telegram; it runs when TELEGRAM_TOKEN is set."""

    enabled: Switch = setting(True, "false keeps Telegram off although there is a token.")
    chats: tuple[Identifier, ...] = setting(
        (),
        "Groups and channels in which users are answered; private chats always are.",
        allowed="list of chat ids",
    )
    look: Look = setting(Look.DARK, "How pictures look.")
    api_url: WebAddress = setting("", "Another Bot API server; empty: Telegram's own.", allowed=ADDRESS_RULE)


class Discord(Section):
    """Discord; it runs when DISCORD_TOKEN is set."""

    enabled: Switch = setting(True, "false keeps Discord off although there is a token.")
    guilds: tuple[Identifier, ...] = setting(
        (), "Servers in which users are answered.", allowed="list of guild ids"
    )
    chats: tuple[Identifier, ...] = setting(
        (), "Channels of these servers; empty: all of them.", allowed="list of channel ids"
    )
    look: Look = setting(Look.DARK, "How pictures look.")
    api_url: WebAddress = setting("", "Another API server; empty: Discord's own.", allowed=ADDRESS_RULE)


class Slack(Section):
    """Slack; it runs when SLACK_TOKEN and SLACK_APP_TOKEN are set."""

    enabled: Switch = setting(True, "false keeps Slack off although there are tokens.")
    channels: tuple[Identifier, ...] = setting(
        (), "Channels in which users are answered; direct messages always are.", allowed="list of channel ids"
    )
    look: Look = setting(Look.LIGHT, "How pictures look.")
    api_url: WebAddress = setting("", "Another API server; empty: Slack's own.", allowed=ADDRESS_RULE)


class Chat(Section):
    """Who may do what, how often, and how old a message may be when it arrives."""

    users: Users = setting(
        {},
        "Who may command the desk, by the platform's user id (never by name).",
        allowed="map of platform:user_id to viewer, trader or admin",
    )
    rate_per_minute: Whole = setting(20, "Commands per user.", low=1, high=600, unit="per minute")
    rate_burst: Whole = setting(5, "Commands that a user may send at once.", low=1, high=100)
    confirm_s: Whole = setting(30, "How long a confirm button works.", low=5, high=600, unit="seconds")
    fresh_read_s: Whole = setting(
        300, "Age up to which a command that only reads is run.", low=5, high=86_400, unit="seconds"
    )
    fresh_lower_s: Whole = setting(
        120, "The same for commands that lower the risk.", low=5, high=86_400, unit="seconds"
    )
    fresh_raise_s: Whole = setting(
        30, "The same for commands that raise the risk.", low=5, high=86_400, unit="seconds"
    )
    persons: Persons = setting(
        {},
        "Users of several platforms who are one person; a second person must be another one.",
        allowed="map of a name to a list of platform:user_id",
    )
    two_person: tuple[Text, ...] = setting(
        (),
        "Commands that a second person has to confirm.",
        allowed="list of commands, for example reset_kill",
    )
    two_person_s: Whole = setting(
        300, "How long the second person may take.", low=30, high=3600, unit="seconds"
    )
    require_code: Switch = setting(
        False, "true: commands that ask for a code are refused to those who have not enrolled with /totp."
    )
    routes: Routes = setting(
        {},
        "Which account a group, topic or channel speaks to, when `desks` names more than one.",
        allowed="map of platform:chat_id to the account's name",
    )
    telegram: Telegram = setting(Telegram(), "")
    discord: Discord = setting(Discord(), "")
    slack: Slack = setting(Slack(), "")

    @model_validator(mode="after")
    def _known_users(self) -> Self:
        for user in self.users:
            if not _USER.fullmatch(user):
                raise refused(
                    f"{shown(user)} is not allowed; platform:user_id, for example telegram:123456789", "users"
                )
        for name, users in self.persons.items():
            for user in users:
                if user not in self.users:
                    raise refused(f"{shown(user)} is not among chat.users", "persons", name)
        return self


class Notices(Section):
    """What the desk tells people by itself. Each person's own wishes: /notify."""

    ttl_minutes: Whole = setting(
        720, "Age after which unsent notices are folded into a summary.", low=1, high=43_200, unit="minutes"
    )
    off: tuple[NoticeKind, ...] = setting(
        (), "Kinds that nobody gets who did not ask for them.", allowed=KINDS_RULE
    )
    quiet: tuple[NoticeKind, ...] = setting((), "Kinds that come without sound.", allowed=KINDS_RULE)
    quiet_hours: QuietHours = setting(
        "", "Hours without sound for all but critical notices, in the time zone above.", allowed=HOURS_RULE
    )
    on_call: tuple[Text, ...] = setting(
        (),
        "Who gets critical notices, in turn until one acknowledges; empty: everybody at once.",
        allowed="list of platform:user_id",
    )
    acknowledge_s: Whole = setting(
        120,
        "After it a critical notice goes to the next person and platform.",
        low=10,
        high=3600,
        unit="seconds",
    )


class Digests(Section):
    """When the reports come, in the time zone above."""

    daily: Cron = setting("0 8 * * *", "The day.", allowed=CRON_RULE)
    weekly: Cron = setting("0 8 * * mon", "The week.", allowed=CRON_RULE)
    monthly: Cron = setting("0 8 1 * *", "The month.", allowed=CRON_RULE)


class Watchdog(Section):
    """`quarterdeck watchdog`: a process of its own that alarms when the heartbeat stops (WATCHDOG_TOKEN)."""

    chats: tuple[Identifier, ...] = setting(
        (), "Telegram chats that the watchdog tells.", allowed="list of chat ids"
    )
    stale_s: Whole = setting(
        60, "Age of the heartbeat at which it alarms.", low=10, high=3600, unit="seconds"
    )
    repeat_minutes: Whole = setting(
        10, "How often it says so again while nothing changes.", low=1, high=1440, unit="minutes"
    )


class Drill(Section):
    """The panic drill, never in mode live."""

    cron: Cron = setting("0 7 * * sun", "When it runs.", allowed=CRON_RULE)
    symbol: Text = setting(
        "", "With which symbol; empty: the first flat one.", allowed="a traded symbol, or empty"
    )
