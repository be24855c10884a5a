"""Slack on loopback: web methods, Socket Mode, modals, response addresses and webhooks as strict as the real ones.

A client needs `AsyncWebClient(base_url=sandbox.base_url)` twice: in the app, and as `web_client` of
AsyncSocketModeHandler, which otherwise dials Slack.
"""

from sandbox.chat.slack.people import Impossible, NoAnswer, Person, Seen
from sandbox.chat.slack.rules import Manifest, SlackRules
from sandbox.chat.slack.sandbox import SlackSandbox

__all__ = ["Impossible", "Manifest", "NoAnswer", "Person", "Seen", "SlackRules", "SlackSandbox"]
