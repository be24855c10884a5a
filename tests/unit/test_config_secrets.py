"""Secrets come from the environment, .env or files; they are refused in config.yaml and shown nowhere.

Canaries are put together at run time, so that no text in this repository looks like a secret.
"""

from pathlib import Path

import pytest

from bot.config import load_config, load_text
from bot.config.secrets import is_secret_key, looks_secret
from bot.config.tree import leaves
from bot.domain.errors import ConfigError

TELEGRAM = f"{123456789}:" + "Aa1-_" * 7
DISCORD = ".".join(["M" + "Tk4" * 8, "Gx" * 3, "q9_" * 10])
SLACK = "-".join(["xoxb", "1234567890", "abc" * 8])
API_KEY = "a1B2" * 16
PASSWORD = "pass" + "w0rd"
DATABASE = "://".join(["postgresql+asyncpg", f"desk:{PASSWORD}@db/desk"])
PRIVATE = "-----BEGIN {} KEY-----".format("PRIVATE")
CANARIES = (TELEGRAM, DISCORD, SLACK, API_KEY, DATABASE, PRIVATE)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def refusal(text: str = "{}", **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(text, Path("home"), environ)
    return str(caught.value)


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "text",
    [
        "name: '{}'",
        "# old: {}\nmode: demo",
        "chat: {{users: {{'{}': admin}}}}",
        "'{}': 1",
        "storage: {{url: '{}'}}",
    ],
)
def test_secrets_in_the_file_are_refused_and_not_quoted(canary: str, text: str) -> None:
    refused = refusal(text.format(canary))
    assert "line 1: holds what looks like a" in refused
    assert canary[:12] not in refused
    assert PASSWORD not in refused


@pytest.mark.parametrize("key", ["telegram_token", "api_key", "apiSecret", "db_password", "discord_webhook"])
def test_keys_named_like_secrets_are_refused(key: str) -> None:
    refused = refusal(f"chat: {{{key}: hush}}")
    assert (
        refused == f"config.yaml: chat.{key}: secrets do not belong here; put it into the environment or .env"
    )


@pytest.mark.parametrize("canary", CANARIES)
def test_secrets_in_the_wrong_variable_are_not_quoted(canary: str) -> None:
    refused = refusal(
        QUARTERDECK_NAME=canary, QUARTERDECK_STORAGE__URL=canary, QUARTERDECK_LIMITS__MAX_POSITIONS=canary
    )
    assert canary[:12] not in refused
    assert PASSWORD not in refused


def test_no_setting_is_taken_for_a_secret() -> None:
    assert not [path for path in leaves() if any(map(is_secret_key, path))]
    for text in (
        "BTCUSDT",
        "sqlite+aiosqlite:////data/quarterdeck.db",
        "http://127.0.0.1:8081",
        "Europe/Berlin",
    ):
        assert not looks_secret(text)


def test_secrets_come_from_environment_dot_env_and_files(tmp_path: Path) -> None:
    (tmp_path / "discord").write_text(f"{DISCORD}\n")
    (tmp_path / ".env").write_text(f"TELEGRAM_TOKEN={TELEGRAM}\nDISCORD_TOKEN_FILE={tmp_path / 'discord'}\n")
    loaded = load_config(None, tmp_path, {"DATABASE_URL": DATABASE, "TELEGRAM_TOKEN": ""})
    assert loaded.secrets.telegram_token == TELEGRAM
    assert loaded.secrets.discord_token == DISCORD
    assert loaded.database_url == DATABASE
    assert dict(loaded.secret_sources) == {
        "TELEGRAM_TOKEN": ".env",
        "DISCORD_TOKEN": "file named in .env",
        "DATABASE_URL": "environment",
    }
    assert {TELEGRAM, DISCORD, DATABASE, PASSWORD} == set(loaded.secrets.values())


def test_secrets_of_other_programs_are_hidden_too(tmp_path: Path) -> None:
    loaded = load_config(None, tmp_path, {"OTHER_API_KEY": API_KEY, "TOKEN": "short", "HOME": "somewhere"})
    assert loaded.hidden == (API_KEY,)
    assert API_KEY not in repr(loaded)


def test_secrets_are_shown_nowhere(tmp_path: Path) -> None:
    loaded = load_config(None, tmp_path, {"DATABASE_URL": DATABASE, "TELEGRAM_TOKEN": TELEGRAM})
    shown = f"{loaded} {loaded.items()} {loaded.secrets!r} {loaded.settings!r}"
    assert TELEGRAM not in shown
    assert PASSWORD not in shown


@pytest.mark.parametrize(
    "environ, line",
    [
        (
            {"TELEGRAM_TOKEN": "two words"},
            "TELEGRAM_TOKEN: a secret holds no blanks and no control characters",
        ),
        (
            {"TELEGRAM_TOKEN": "a", "TELEGRAM_TOKEN_FILE": "b"},
            "TELEGRAM_TOKEN and TELEGRAM_TOKEN_FILE are both set",
        ),
        (
            {"DISCORD_TOKEN_FILE": "missing"},
            "DISCORD_TOKEN_FILE: missing cannot be read: No such file or directory",
        ),
        ({"DISCORD_TOKEN_FILE": "empty"}, "DISCORD_TOKEN_FILE: empty is empty"),
        ({"DISCORD_TOKEN_FILE": "binary"}, "DISCORD_TOKEN_FILE: binary cannot be read: it is no text"),
        ({"TELEGRAM_TOKEN": "op://vault/bot/token"}, "TELEGRAM_TOKEN: references to a password store"),
        ({"DATABASE_URL": "mysql://h/x"}, "DATABASE_URL: is no address of a database"),
    ],
)
def test_wrong_secrets_are_refused_by_name(environ: dict[str, str], line: str) -> None:
    Path("empty").touch()
    Path("binary").write_bytes(b"\xff\xfe\xff")
    refused = refusal(**environ)
    assert refused.startswith(f"environment: {line}")
    assert "\n" not in refused


def test_without_an_address_the_books_are_in_the_home(tmp_path: Path) -> None:
    assert (
        load_config(None, tmp_path, {}).database_url == f"sqlite+aiosqlite:///{tmp_path / 'quarterdeck.db'}"
    )
    configured = load_text("storage: {url: 'postgresql+asyncpg://db/desk'}", tmp_path, {})
    assert configured.database_url == "postgresql+asyncpg://db/desk"
