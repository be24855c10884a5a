"""The app's manifest: what to paste into Slack's page "create an app", made from the commands."""

from handlers.command import Command, Role
from handlers.parameter import Parameter
from handlers.platforms.slack.request import PREFIX
from handlers.registry import Registry

type Json = dict[str, object]

MOST_COMMANDS = 50
LINE_COMMAND = "/quarterdeck"
_DESCRIPTION = 2000
_HINT = 1000
SCOPES = (
    "app_mentions:read",  # to be spoken to in channels
    "chat:write",
    "commands",
    "files:write",  # pictures and reports
    "im:history",  # to be spoken to in direct messages
    "im:write",  # to write to people first
)
EVENTS = ("app_mention", "message.im")


def manifest(registry: Registry, name: str = "Quarterdeck") -> Json:
    """The manifest as Slack reads it. Commands have a prefix: Slack keeps names such as /status and /who to itself."""
    return {
        "display_information": {
            "name": name,
            "description": "A chat-operated trading desk for crypto perpetuals.",
        },
        "features": {
            "app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
            "bot_user": {"display_name": name.lower(), "always_online": True},
            "slash_commands": _commands(registry),
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }


def slash_name(command: Command) -> str:
    """The command's name as Slack offers it: close_all becomes /qd-close-all."""
    return f"/{PREFIX}{command.name.replace('_', '-')}"


def _commands(registry: Registry) -> list[Json]:
    """The one for whole lines, then one per command as far as Slack takes them, what traders need first."""
    line = {
        "command": LINE_COMMAND,
        "description": "Any command of the desk: /quarterdeck status",
        "usage_hint": "COMMAND [arguments]",
        "should_escape": False,
    }
    ordered = sorted(registry, key=lambda command: (command.role is Role.ADMIN, command.role is Role.VIEWER))
    chosen = ordered[: MOST_COMMANDS - 1]
    return [line, *(_command(command) for command in registry if command in chosen)]


def _command(command: Command) -> Json:
    made: Json = {
        "command": slash_name(command),
        "description": command.help[:_DESCRIPTION],
        "should_escape": False,
    }
    hint = " ".join(_hint(parameter) for parameter in command.parameters)
    return {**made, "usage_hint": hint[:_HINT]} if hint else made


def _hint(parameter: Parameter) -> str:
    return parameter.usage
