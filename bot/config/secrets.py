"""Secrets: from the environment, `.env` or files named by *_FILE; never from config.yaml, never shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGEST_SECRET = 10_000

# Raw text is searched, comments too: a token that was commented out is still a token.
_LOOKS_LIKE = (
    ("a Telegram bot token", re.compile(r"\b\d{6,12}:[A-Za-z0-9_-]{30,}")),
    ("a Discord bot token", re.compile(r"\b[A-Za-z0-9_-]{23,28}\.[A-Za-z0-9_-]{6,7}\.[A-Za-z0-9_-]{27,}")),
    ("a Slack token", re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{10,}")),
    ("an API key", re.compile(r"(?<![\w/+.-])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{36,128}(?![\w/+-])")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")),
    ("an address with a password", re.compile(r"://[^/\s:@'\"]*:[^/\s@'\"]+@")),
)  # fmt: skip
_SECRET_KEY = re.compile(
    r"token|secret|passw|passphrase|credential|private_?key|api_?key|access_?key|webhook", re.IGNORECASE
)


def _secret(meaning: str) -> str:
    secret: str = field(default="", repr=False, metadata={"meaning": meaning})
    return secret


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must never be shown; empty when not given. Each is named in the environment as here, in capitals."""

    telegram_token: str = _secret("Telegram bot token, from @BotFather")
    discord_token: str = _secret("Discord bot token, from the developer portal")
    slack_token: str = _secret("Slack bot token (xoxb-), from the app's page OAuth & Permissions")
    slack_app_token: str = _secret("Slack app token (xapp-) with connections:write, for Socket Mode")
    slack_webhook: str = _secret("Slack incoming webhook address: gets notices, commands nothing")
    discord_webhook: str = _secret("Discord webhook address: gets notices, commands nothing")
    watchdog_token: str = _secret("a second Telegram bot token, for `quarterdeck watchdog` alone")
    heartbeat_url: str = _secret("address that is asked at every heartbeat, so that its silence alarms")
    binance_api_key: str = _secret(
        "Binance API key: futures trading on, withdrawals off, bound to this machine's IP"
    )
    binance_api_secret: str = _secret("its secret")
    bybit_api_key: str = _secret(
        "Bybit API key: contract trading on, withdrawals off, bound to this machine's IP"
    )
    bybit_api_secret: str = _secret("its secret")
    database_url: str = _secret("database address with its password; takes the place of storage.url")

    def values(self) -> tuple[str, ...]:
        """Every text that must not appear anywhere: the secrets, and the password inside the database address."""
        given = [value for item in fields(self) if (value := getattr(self, item.name))]
        password = urlsplit(self.database_url).password if self.database_url else None
        return (*given, *({password, unquote(password)} if password else ()))


def secret_names() -> Mapping[str, str]:
    """Environment variables that hold secrets, with their meaning."""
    return {item.name.upper(): item.metadata["meaning"] for item in fields(Secrets)}


def read_secret(name: str, variables: Mapping[str, str]) -> tuple[str, str]:
    """The secret `name` and a problem, one of them empty; the problem never quotes what was found."""
    direct, file = variables.get(name, "").strip(), variables.get(f"{name}_FILE", "").strip()
    if direct and file:
        return "", f"{name} and {name}_FILE are both set; keep one"
    if file:
        return _checked(f"{name}_FILE", *_from_file(Path(file)))
    return _checked(name, direct, "")


def _from_file(path: Path) -> tuple[str, str]:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST_SECRET).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        return "", f"{path} cannot be read: {reason}"
    return text, "" if text else f"{path} is empty"


def _checked(name: str, value: str, problem: str) -> tuple[str, str]:
    if problem:
        return "", f"{name}: {problem}"
    if value.startswith("op://"):
        return "", f"{name}: references to a password store are not resolved here; pass it through `op run`"
    if any(char.isspace() or not char.isprintable() for char in value):
        return "", f"{name}: a secret holds no blanks and no control characters"
    return value, ""


def looks_secret(text: str) -> bool:
    """True when a text is, or holds, what looks like a secret."""
    return bool(_kind_of(text))


def _kind_of(text: str) -> str:
    return next((kind for kind, pattern in _LOOKS_LIKE if pattern.search(text)), "")


def token_patterns() -> tuple[re.Pattern[str], ...]:
    """What tokens of the chat platforms look like, for hiding them in text."""
    return tuple(pattern for kind, pattern in _LOOKS_LIKE if kind.endswith(" token"))


def secrets_in(text: str) -> tuple[str, ...]:
    """Lines of a configuration text that look like secrets; what they hold is not quoted."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if kind := _kind_of(line):
            found.append(
                f"line {number}: holds what looks like {kind}; secrets belong into the environment or .env"
            )
    return tuple(found)


def is_secret_key(name: str) -> bool:
    """True when a key's name says that its value is a secret."""
    return bool(_SECRET_KEY.search(name))
