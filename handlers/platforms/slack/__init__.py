"""Slack: Socket Mode, slash commands, mentions and direct messages, blocks within its limits, dialog boxes."""

from handlers.platforms.slack.chat import SlackChat, SlackSettings
from handlers.platforms.slack.manifest import manifest

__all__ = ["SlackChat", "SlackSettings", "manifest"]
