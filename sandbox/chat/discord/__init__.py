"""Discord on loopback: gateway and REST v10 as strict as the real ones, and people who use its client.

discord.py keeps its addresses on classes. A client must set, before it logs in,
`discord.http.Route.BASE = sandbox.base_url` and
`discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(sandbox.gateway_url)`.
Its heartbeats run in a thread of real time; on a virtual clock the gateway's own op 1 every 30 s keeps it connected.
"""

from sandbox.chat.discord.people import Impossible, NoAnswer, Person, Seen
from sandbox.chat.discord.rules import DiscordRules
from sandbox.chat.discord.sandbox import DiscordSandbox

__all__ = ["DiscordRules", "DiscordSandbox", "Impossible", "NoAnswer", "Person", "Seen"]
