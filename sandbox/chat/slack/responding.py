"""Addresses that need no token: response addresses of what people did, incoming webhooks, uploads."""

from dataclasses import dataclass

from sandbox.chat.slack.answers import Answer, Json, Refused
from sandbox.chat.slack.nouns import Respond
from sandbox.chat.slack.tiers import Tiers
from sandbox.chat.slack.world import World


@dataclass(slots=True)
class Responding:
    """What is posted there, within their limits."""

    world: World
    tiers: Tiers

    def respond(self, key: str, body: Json | None) -> Answer:
        """Five times within half an hour: a message for the one person or for all, in place of the old one if asked."""
        found = self.world.responds.get(key)
        rules = self.world.rules
        if found is None or self.world.seconds() - found.at_s > rules.response_url_s:
            return Answer({"ok": False, "error": "expired_url"}, 404)
        if found.uses >= rules.response_url_uses:
            return Answer({"ok": False, "error": "used_url"}, 404)
        found.uses += 1
        try:
            if body is None:
                raise Refused("invalid_payload")
            self.put(found, body)
        except Refused as refusal:
            return refusal.plain()
        return Answer("ok")

    def put(self, found: Respond, body: Json) -> None:
        """Show it; the answer within an acknowledgement goes the same way."""
        message = found.message
        if body.get("delete_original") and message is not None:
            self.world.remove(message)
        elif body.get("replace_original") and message is not None and not message.gone:
            self.world.change(message, {"blocks": [], **body})
        else:
            in_channel = body.get("response_type") == "in_channel"
            only_for = "" if in_channel else found.user.id
            written = self.world.write(found.channel, body, only_for)
            found.message = found.message or written

    def webhook(self, key: str, body: Json | None) -> Answer:
        """One message a second, in the name of the app."""
        channel = self.world.webhooks.get(key)
        if channel is None:
            return Answer("no_service", 404)
        try:
            self.tiers.post(f"webhook {key}")
            if body is None:
                raise Refused("invalid_payload")
            self.world.write(channel, body)
        except Refused as refusal:
            told = refusal.plain()
            return Answer("rate_limited", 429, told.headers) if told.status == 429 else told
        return Answer("ok")

    def upload(self, number: str, content: bytes) -> Answer:
        """The bytes of a file: as many as were announced, once."""
        file = self.world.files.get(number)
        if file is None or file.content is not None:
            return Answer("not found", 404)
        if len(content) != file.length:
            return Answer("the length is not what was announced", 400)
        file.content = content
        return Answer(f"OK - {len(content)}")
