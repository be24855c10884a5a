"""Command menus: each person sees in a private chat what the person may do; strangers see none."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from telegram import Bot, BotCommand, BotCommandScopeChat
from telegram.error import BadRequest, Forbidden

from handlers.command import Role
from handlers.platforms.telegram.request import split_place
from handlers.platforms.telegram.sender import quietly
from handlers.registry import Registry
from handlers.text import mask

log = logging.getLogger(__name__)
_MOST_MENU = 100


@dataclass(slots=True)
class Menus:
    """The menus by user id, which is also the id of the person's private chat."""

    registry: Registry
    roles: dict[str, Role] = field(default_factory=dict)

    def admins(self) -> tuple[str, ...]:
        """User ids of those who are told about the bot itself."""
        return tuple(user for user, role in self.roles.items() if role is Role.ADMIN)

    async def show(self, bot: Bot) -> None:
        """All menus, after a connection."""
        await bot.delete_my_commands()
        for user, role in self.roles.items():
            await self._set(bot, user, role)

    async def renew(self, bot: Bot | None, roles: Mapping[str, Role]) -> None:
        """Menus of other roles from now on; without a connection they are shown at the next one."""
        before, self.roles = self.roles, dict(roles)
        if bot is None:
            return
        for user in filter(str.isdecimal, before.keys() - self.roles.keys()):
            await quietly(bot.delete_my_commands(scope=BotCommandScopeChat(split_place(user)[0])))
        for user, role in self.roles.items():
            if before.get(user) is not role:
                await quietly(self._set(bot, user, role))

    async def _set(self, bot: Bot, user: str, role: Role) -> None:
        if not user.isdecimal():
            log.error("chat.users: telegram:%s is no user id, which is a number: nobody is known by it", user)
            return
        allowed = self.registry.allowed(role)[:_MOST_MENU]
        commands = [BotCommand(command.name, command.help) for command in allowed]
        try:
            await bot.set_my_commands(commands, scope=BotCommandScopeChat(split_place(user)[0]))
        except (BadRequest, Forbidden) as error:
            log.info("no menu for chat %s yet: %s", user, mask(str(error)))
