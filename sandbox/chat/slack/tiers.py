"""How fast web methods may be called: tiers per minute, messages per channel and second."""

from dataclasses import dataclass, field

from sandbox.chat.pace import Seconds, Tokens, Window
from sandbox.chat.slack.answers import limited
from sandbox.chat.slack.rules import SlackRules

TIER_2, TIER_3, TIER_4, SPECIAL = 20, 50, 100, 300
TIERS = {
    "auth.test": SPECIAL,
    "chat.postMessage": SPECIAL,
    "chat.update": TIER_3,
    "chat.delete": TIER_3,
    "chat.postEphemeral": TIER_4,
    "conversations.open": TIER_3,
    "conversations.info": TIER_3,
    "users.info": TIER_4,
    "views.open": TIER_4,
    "views.update": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "files.completeUploadExternal": TIER_4,
}


@dataclass(slots=True)
class Tiers:
    """All limits of one app."""

    rules: SlackRules
    seconds: Seconds
    _methods: dict[str, Window] = field(default_factory=dict)
    _places: dict[str, Tokens] = field(default_factory=dict)

    def take(self, method: str) -> None:
        """One call of the method; refused as `ratelimited`."""
        most = self.rules.opens_a_minute if method == "apps.connections.open" else TIERS[method]
        window = self._methods.setdefault(method, Window(most, 60.0, self.seconds))
        wait_s = window.take()
        if wait_s:
            raise limited(wait_s)

    def post(self, place: str) -> None:
        """One message into a channel or through a webhook: one a second, short bursts."""
        tokens = self._places.setdefault(place, Tokens(1.0, self.rules.post_burst, self.seconds))
        wait_s = tokens.take()
        if wait_s:
            raise limited(wait_s)
