"""Settings from the environment and .env files."""

from decimal import Decimal
from pathlib import Path

import pytest

from bot.config import load_config, load_text
from bot.config.environment import variable_name
from bot.config.people import RoleName
from bot.config.tree import leaves
from bot.domain.errors import ConfigError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def refusal(environ: dict[str, str], home: Path = Path("home")) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(None, home, environ)
    return str(caught.value)


def test_every_setting_has_a_variable_of_its_own() -> None:
    names = [variable_name(path) for path in leaves()]
    assert len(names) == len(set(names))
    assert "QUARTERDECK_CHAT__TELEGRAM__API_URL" in names


def test_variables_lie_over_the_file() -> None:
    environ = {
        "QUARTERDECK_LIMITS__DAILY_LOSS_PERCENT": "0.1",
        "QUARTERDECK_NAME": "42",
        "QUARTERDECK_LIMITS__AUTO_REDUCE": "true",
        "QUARTERDECK_SYMBOLS": "[{symbol: BTCUSDT, weight: 2}]",
        "QUARTERDECK_CHAT__USERS": '{"telegram:1": admin}',
        "QUARTERDECK_CHAT__DISCORD__GUILDS": "[123456789012345678]",
        "QUARTERDECK_HOME": "anywhere",
        "OTHER_THINGS": "are not ours",
    }
    settings = load_text(
        "name: file\nlimits: {daily_loss_percent: 3, max_positions: 7}", Path("home"), environ
    ).settings
    assert settings.limits.daily_loss_percent == Decimal("0.1")
    assert settings.limits.max_positions == 7
    assert settings.limits.auto_reduce
    assert settings.name == "42"
    assert [s.weight for s in settings.symbols] == [2]
    assert settings.chat.users == {"telegram:1": RoleName.ADMIN}
    assert settings.chat.discord.guilds == ("123456789012345678",)


@pytest.mark.parametrize(
    "name, value, line",
    [
        (
            "QUARTERDECK_LIMITS__MAX_POSITION",
            "3",
            "unknown setting; did you mean QUARTERDECK_LIMITS__MAX_POSITIONS?",
        ),
        ("QUARTERDECK_LIMITS", "{}", "unknown setting"),
        ("QUARTERDECK_TELEGRAM_TOKEN", "x", "unknown setting; did you mean TELEGRAM_TOKEN?"),
        ("QUARTERDECK_LIMITS__MAX_POSITIONS", "", "nothing is not allowed; whole number from 1 to 500"),
        ("QUARTERDECK_LIMITS__MAX_POSITIONS", "[3", "did not find expected"),
        ("QUARTERDECK_LIMITS__MAX_POSITIONS", "three", "'three' is not allowed; whole number from 1 to 500"),
        ("QUARTERDECK_STORAGE__URL", "mysql://x", "'mysql://x' is not allowed; sqlite+aiosqlite:///FILE"),
    ],
)
def test_wrong_variables_are_refused_by_name(name: str, value: str, line: str) -> None:
    refused = refusal({name: value})
    assert refused.startswith(f"environment: {name}: ")
    assert line in refused
    assert "\n" not in refused


def test_dot_env_of_the_home_goes_before_that_of_the_working_folder(tmp_path: Path) -> None:
    Path(".env").write_text("QUARTERDECK_NAME=work\nQUARTERDECK_HEARTBEAT_S=20\nQUARTERDECK_MODE=demo\n")
    (tmp_path / ".env").write_text("export QUARTERDECK_NAME='home'\n# a remark\nQUARTERDECK_HEARTBEAT_S=30\n")
    loaded = load_config(None, tmp_path, {"QUARTERDECK_HEARTBEAT_S": "40"})
    assert (loaded.settings.name, loaded.settings.heartbeat_s, loaded.settings.mode) == ("home", 40, "demo")
    assert loaded.sources == {"name": ".env", "heartbeat_s": "environment", "mode": ".env"}


def test_broken_dot_env_is_refused_without_quoting_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("QUARTERDECK_NAME=ok\nthis is 'broken\n")
    assert refusal({}, tmp_path) == ".env: line 2: is not NAME=value"
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    assert refusal({}, tmp_path) == ".env: cannot be read as text"


def test_what_dot_env_sets_wrongly_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("QUARTERDECK_LIMITS__MAX_POSITIONS=-3\n")
    line = ".env: QUARTERDECK_LIMITS__MAX_POSITIONS: -3 is not allowed; whole number from 1 to 500"
    assert refusal({}, tmp_path) == line
