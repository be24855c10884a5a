"""The configuration as a whole: what is read, from where, and how each mistake is refused."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config import LoadedConfig, Names, Settings, fault_of, load_config, load_text
from bot.config.settings import Mode
from bot.config.trading import Symbol, shares
from bot.domain.errors import ConfigError
from bot.domain.guard import Limits, Sizing, SizingMode

SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT", "SOLUSDT", "BNBUSDT", "DOGEUSDT", "ADAUSDT", "TRXUSDT")
NAMES = Names(strategies=("composite",), symbols=SYMBOLS, venues=("paper",))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No config.yaml or .env of the checkout may be found."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def read(text: str, **environ: str) -> LoadedConfig:
    return load_text(text, Path("home"), environ, NAMES)


def refusals(text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, **environ)
    return str(caught.value).splitlines()


def test_nothing_configured_gives_the_defaults(tmp_path: Path) -> None:
    loaded = load_config(None, tmp_path, {})
    assert loaded.settings == Settings()
    assert loaded.path is None
    assert {item.source for item in loaded.items()} == {"default"}


def test_defaults_are_those_of_the_domain() -> None:
    assert Settings().limits.domain() == Limits()
    assert Settings().sizing.domain() == Sizing()


def test_numbers_are_read_exactly_as_written() -> None:
    limits = read(
        "limits: {daily_loss_percent: 0.1, exposure_total: '2.50', drawdown_percent: 1e1}"
    ).settings.limits
    assert str(limits.daily_loss_percent) == "0.1"
    assert str(limits.exposure_total) == "2.50"
    assert limits.drawdown_percent == 10


def test_sections_whose_keys_are_commented_out_are_empty() -> None:
    assert read("limits:\n  # max_positions: 3\nmode: demo").settings == Settings(mode=Mode.DEMO)


def test_sizing_reaches_the_domain() -> None:
    sizing = read("sizing: {mode: risk_usd, value: 25}").settings.sizing.domain()
    assert sizing == Sizing(mode=SizingMode.RISK_USD, value=Decimal(25))


@pytest.mark.parametrize(
    "text, line",
    [
        ("", "is empty; delete it to run on the defaults"),
        ("# only words\n", "is empty; delete it to run on the defaults"),
        ("- mode", "is no list of `key: value` lines"),
        ("mode: [", "line 2, column 1: did not find expected node content"),
        ("mode: demo\nmode: paper", "line 2: mode is given a second time; first in line 1"),
        ("mode: dmo", "mode: 'dmo' is not allowed; one of demo, paper, testnet, live"),
        ("mode: live", "mode: live trades real money; it needs the line `live: i_understand`"),
        ("live: yes", "live: 'yes' is not allowed; i_understand or empty"),
        ("limts: {}", "limts: unknown key; did you mean limits?"),
        ("limits: 3", ("limits: 3 is not allowed; a group of these keys: daily_loss_percent, count_open_loss, "
         "drawdown_percent, max_positions, max_same_direction, max_same_cluster and 17 more")),
        ("limits: {max_positons: 3}", "limits.max_positons: unknown key; did you mean max_positions?"),
        ("limits: {max_positions: -3}", "limits.max_positions: -3 is not allowed; whole number from 1 to 500"),
        ("limits: {max_positions: 3.0}", "limits.max_positions: 3.0 is not allowed; whole number from 1 to 500"),
        ("limits: {max_positions: '3'}", "limits.max_positions: '3' is not allowed; whole number from 1 to 500"),
        ("limits: {max_positions: true}", "limits.max_positions: true is not allowed; whole number from 1 to 500"),
        ("limits: {max_positions: }", "limits.max_positions: nothing is not allowed; whole number from 1 to 500"),
        ("limits: {exposure_total: true}", "limits.exposure_total: true is not allowed; number from 0 to 1000"),
        ("limits: {exposure_total: .nan}", "limits.exposure_total: nan is not allowed; number from 0 to 1000"),
        ("limits: {exposure_total: .inf}", "limits.exposure_total: infinity is not allowed; number from 0 to 1000"),
        ("limits: {exposure_total: NaN}", "limits.exposure_total: 'NaN' is not allowed; number from 0 to 1000"),
        ("limits: {exposure_total: '5,5'}", "limits.exposure_total: '5,5' is not allowed; number from 0 to 1000"),
        ("limits: {exposure_total: [1]}", "limits.exposure_total: a list is not allowed; number from 0 to 1000"),
        ("limits: {auto_reduce: yes}", "limits.auto_reduce: 'yes' is not allowed; true or false"),
        ("limits: {auto_reduce: 1}", "limits.auto_reduce: 1 is not allowed; true or false"),
        ("name: 42", "name: 42 is not allowed; small letters, digits, - and _, at most 32"),
        ("timezone: Europe/Berln", "timezone: 'Europe/Berln' is no time zone; did you mean Europe/Berlin?"),
        ("timezone: ../../etc/passwd", "timezone: '../../etc/passwd' is no time zone; a name such as Europe/Berlin"),
        ("symbols: []", "symbols: nothing to trade; name at least one symbol"),
        ("symbols: BTCUSDT", "symbols: 'BTCUSDT' is not allowed; list of at least one symbol"),
        ("symbols: [BTCUSDT]", ("symbols[1]: 'BTCUSDT' is not allowed; a group of these keys: "
         "symbol, strategy, leverage, weight")),
        ("symbols: [{leverage: 3}]", "symbols[1].symbol: is missing; capital letters and digits, for example BTCUSDT"),
        ("symbols: [{symbol: BTCUSDT, leverage: -3}]", ("symbols[1].leverage: -3 is not allowed; "
         "whole number from 1 to 125")),
        ("symbols: [{symbol: BTCUSDT, levrage: 3}]", "symbols[1].levrage: unknown key; did you mean leverage?"),
        ("symbols: [{symbol: btcusdt}]", ("symbols[1].symbol: 'btcusdt' is not allowed; "
         "capital letters and digits, for example BTCUSDT")),
        ("symbols: [{symbol: BTCUSTD}]", "symbols[1].symbol: symbol 'BTCUSTD' is unknown; did you mean BTCUSDT?"),
        ("symbols: [{symbol: BTCUSDT, strategy: compsite}]", ("symbols[1].strategy: strategy 'compsite' is unknown; "
         "did you mean composite?")),
        ("symbols: [{symbol: BTCUSDT}, {symbol: BTCUSDT}]", ("symbols: BTCUSDT more than once; "
         "each symbol runs one strategy")),
        ("venue: {name: kraken}", "venue.name: venue 'kraken' is unknown; known: paper"),
        ("sizing: {mode: risk_usd}", "sizing.value: mode risk_usd wants a value above 0"),
        ("sizing: {ratio_min: 0.9}", "sizing.ratio_min: 0.9 is above ratio_max 0.50"),
        ("sizing: {mode: risk_percent, value: 101}", ("sizing.value: 101 is not allowed with mode risk_percent; "
         "number up to 100")),
        ("chat: {users: {bob: admin}}", ("chat.users: 'bob' is not allowed; platform:user_id, for example "
         "telegram:123456789")),
        ("chat: {users: {'telegram:1': boss}}", ("chat.users.telegram:1: 'boss' is not allowed; map of "
         "platform:user_id to viewer, trader or admin")),
        ("chat: {telegram: {api_url: 'ftp://x'}}", ("chat.telegram.api_url: 'ftp://x' is not allowed; "
         "an http or https address, or empty")),
        ("digests: {daily: '0 25 * * *'}", ("digests.daily: '0 25 * * *' is not allowed; hour '25' is not one of "
         "0 to 23")),
        ("storage: {url: 'mysql://h/x'}", ("storage.url: 'mysql://h/x' is not allowed; "
         "sqlite+aiosqlite:///FILE or postgresql+asyncpg://HOST/NAME, or empty")),
    ],
)  # fmt: skip
def test_each_mistake_is_one_clear_line(text: str, line: str) -> None:
    assert refusals(text) == [f"config.yaml: {line}"]


def test_all_mistakes_are_told_at_once() -> None:
    text = "mode: x\nmode: y\nlimits: {max_positions: -3, nonsense: 1}\nsymbols: [{symbol: FOO}]"
    lines = refusals(
        text, QUARTERDECK_HEARTBEAT_S="never", QUARTERDECK_NONSENSE="1", TELEGRAM_TOKEN="two words"
    )
    assert lines == [
        "config.yaml: line 2: mode is given a second time; first in line 1",
        "config.yaml: mode: 'y' is not allowed; one of demo, paper, testnet, live",
        "environment: QUARTERDECK_HEARTBEAT_S: 'never' is not allowed; whole number from 1 to 300",
        "config.yaml: limits.max_positions: -3 is not allowed; whole number from 1 to 500",
        "config.yaml: limits.nonsense: unknown key",
        (
            "config.yaml: symbols[1].symbol: symbol 'FOO' is unknown; known: "
            "ADAUSDT, BNBUSDT, BTCUSDT, DOGEUSDT, ETHUSDT, SOLUSDT, TRXUSDT, XRPUSDT"
        ),
        "environment: QUARTERDECK_NONSENSE: unknown setting",
        "environment: TELEGRAM_TOKEN: a secret holds no blanks and no control characters",
    ]


@pytest.mark.parametrize("poison", ["\x1b[31m", "a\nb", "😀" * 500, "x" * 10_000, "'; DROP TABLE orders; --"])
def test_hostile_text_is_quoted_short_and_printable(poison: str) -> None:
    lines = refusals("{}", QUARTERDECK_MODE=poison)
    assert len(lines) == 1
    assert lines[0].isprintable()
    assert len(lines[0]) < 200


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing.yaml: cannot be read: No such file or directory"):
        load_config(tmp_path / "nothing.yaml", tmp_path, {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(tmp_path, tmp_path, {})
    (tmp_path / "latin.yaml").write_bytes("name: 'mär'".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"^latin.yaml: is no text in UTF-8$"):
        load_config(tmp_path / "latin.yaml", tmp_path, {})


def test_the_home_goes_before_the_working_folder(tmp_path: Path) -> None:
    Path("config.yaml").write_text("name: here", encoding="utf-8")
    assert load_config(None, tmp_path, {}).settings.name == "here"
    (tmp_path / "config.yaml").write_text("\ufeffname: home", encoding="utf-8")
    assert load_config(None, tmp_path, {}).settings.name == "home"
    (tmp_path / "other.yaml").write_text("name: named", encoding="utf-8")
    loaded = load_config(tmp_path / "other.yaml", tmp_path, {})
    assert loaded.settings.name == "named"
    assert loaded.sources["name"] == "other.yaml"


def test_every_value_says_where_it_comes_from() -> None:
    loaded = read(
        "limits: {max_positions: 4}\nsymbols: [{symbol: BTCUSDT, weight: 0.5}]",
        QUARTERDECK_LIMITS__DAILY_LOSS_PERCENT="2.5",
        TELEGRAM_TOKEN="x" * 40,
    )
    items = {item.key: (item.value, item.source) for item in loaded.items()}
    assert items["limits.max_positions"] == ("4", "config.yaml")
    assert items["limits.daily_loss_percent"] == ("2.5", "environment")
    assert items["limits.drawdown_percent"] == ("20", "default")
    assert items["symbols[BTCUSDT]"] == ("strategy composite, leverage 5, weight 0.5", "config.yaml")
    assert items["secrets.TELEGRAM_TOKEN"] == ("set", "environment")
    assert items["secrets.DISCORD_TOKEN"] == ("not set", "default")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().limits.max_positions = 4  # type: ignore[misc]


def test_shares_never_come_to_more_than_the_balance() -> None:
    weights = shares([Symbol(symbol=f"S{n}", weight=Decimal(n)) for n in range(1, 8)])
    assert Decimal("0.999999999") < sum(weights.values()) <= 1
    assert weights["S2"] / weights["S1"] == pytest.approx(2)


def test_symbols_of_a_market_that_are_not_configured_are_traded_like_the_first() -> None:
    settings = read("symbols: [{symbol: BTCUSDT, leverage: 7}, {symbol: ETHUSDT}]").settings
    traded = settings.traded(("ETHUSDT", "XRPUSDT"))
    assert [(s.symbol, s.leverage) for s in traded] == [("ETHUSDT", 5), ("XRPUSDT", 7)]


@pytest.mark.parametrize("bar_ms, age_ms", [(60_000, 20_000), (900_000, 300_000), (3_600_000, 1_200_000)])
def test_a_signal_may_be_a_third_of_its_bar_old(bar_ms: int, age_ms: int) -> None:
    assert Settings().signals.max_signal_age_ms(bar_ms) == age_ms


def test_changes_at_run_time_keep_within_the_same_ranges() -> None:
    assert fault_of("limits.max_positions", 5) == ""
    assert fault_of("limits.max_positions", 0) == "0 is not allowed; whole number from 1 to 500"
    assert fault_of("limits.daily_loss_percent", "nan") == "'nan' is not allowed; number from 0 to 100"
    assert fault_of("limits.max_position", 5) == "unknown key; did you mean max_positions?"
    assert fault_of("chat.telegram.enabled", "on") == "'on' is not allowed; true or false"
    assert fault_of("timezone", "Mars/Base") == "'Mars/Base' is no time zone; a name such as Europe/Berlin"


@pytest.mark.parametrize(
    "text,line",
    [
        (
            "mode: testnet",
            "config.yaml: venue.name: paper takes no orders in mode testnet; allowed: binance, bybit",
        ),
        (
            "mode: live\nlive: i_understand\nvenue: {name: okx}",
            "config.yaml: venue.name: okx takes no orders in mode live; allowed: binance, bybit",
        ),
        (
            "mode: live\nlive: i_understand\nvenue: {name: binance, sandbox: 'http://127.0.0.1:8765'}",
            "config.yaml: venue.sandbox: a sandbox is no exchange for mode live; allowed in testnet and paper",
        ),
    ],
)
def test_modes_and_venues_fit(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(text, tmp_path, {})
    assert str(caught.value) == line


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1:80",
        "http://localhost:80",
        "http://10.0.0.1:80",
        "http://127.0.0.1",
        "http://127.0.0.1:8/x",
        "x",
    ],
)
def test_a_sandbox_is_on_this_machine(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="an http address of this machine such as"):
        load_text(f"mode: testnet\nvenue: {{name: binance, sandbox: '{address}'}}", tmp_path, {})


def test_a_sandbox_for_a_testnet(tmp_path: Path) -> None:
    loaded = load_text("mode: testnet\nvenue: {name: bybit, sandbox: 'http://127.0.0.1:81/'}", tmp_path, {})
    assert loaded.settings.venue.sandbox == "http://127.0.0.1:81"
