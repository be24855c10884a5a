"""Bybit: contracts, candles, prices, maintenance, and where the client may connect to."""

import json
import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from bybit_dialect_kit import BTC, NOW_MS, ScriptedGateway, Stand, listed, ok, refused, stand

from bot.domain.instrument import Bracket, Instrument
from bot.domain.market import FundingRate, Quote
from bot.venues.bybit.instruments import read_instruments
from bot.venues.bybit.reading import Row, result
from bot.venues.ccxt_venue.wire import Access, Ask, Environment, Lane
from bot.venues.port import VenueUnavailable

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("QUARTERDECK_REAL_DATA", ROOT.parent / "shared" / "data")) / "fixtures"
RECORDED = DATA / "nautilus_trader" / "bybit"
LEAN = DATA / "bybit" / "linear_symbol_properties_lean.json"

KLINE = "publicGetV5MarketKline"
INFO = "publicGetV5MarketInstrumentsInfo"
RISK = "publicGetV5MarketRiskLimit"
FEES = "privateGetV5AccountFeeRate"
MINUTE = 60_000


def info(symbol: str = BTC, **fields: object) -> dict[str, object]:
    """A row of instruments-info."""
    return {
        "symbol": symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": symbol.removesuffix("USDT"),
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00"},
        "priceFilter": {"tickSize": "0.10", "minPrice": "0.10"},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "minOrderQty": "0.001",
            "qtyStep": "0.001",
            "maxMktOrderQty": "119.000",
            "postOnlyMaxOrderQty": "1190.000",
            "minNotionalValue": "5",
        },
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
        "fundingInterval": 480,
    } | fields


def risk(cap: str, leverage: str, rate: str, deducted: str = "", symbol: str = BTC) -> dict[str, object]:
    """A row of risk-limit."""
    return {
        "id": 1,
        "symbol": symbol,
        "riskLimitValue": cap,
        "maintenanceMargin": rate,
        "initialMargin": "0.01",
        "maxLeverage": leverage,
        "mmDeduction": deducted,
    }


class TestInstruments:
    async def test_a_contract(self) -> None:
        desk = stand()
        desk.gateway.on(INFO, listed(info()))
        desk.gateway.on(
            RISK, listed(risk("4000000", "50.00", "0.01", "10000"), risk("2000000", "100.00", "0.005"))
        )
        desk.gateway.on(FEES, listed({"symbol": BTC, "takerFeeRate": "0.0006", "makerFeeRate": "-0.0001"}))
        found = await desk.dialect.instruments()
        assert found[BTC] == Instrument(
            symbol=BTC,
            base="BTC",
            quote="USDT",
            price_tick=Decimal("0.10"),
            quantity_step=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            max_quantity=Decimal(1190),
            max_market_quantity=Decimal(119),
            min_notional=Decimal(5),
            brackets=(
                Bracket(Decimal(2_000_000), 100, Decimal("0.005"), Decimal(0)),
                Bracket(Decimal(4_000_000), 50, Decimal("0.01"), Decimal(10000)),
            ),
            taker_fee=Decimal("0.0006"),
            maker_fee=Decimal("-0.0001"),
            funding_interval_hours=8,
            percent_price_up=Decimal("1.02"),
            percent_price_down=Decimal("0.98"),
        )
        assert desk.dialect.unified("1000PEPEUSDT") == "1000PEPE/USDT:USDT"

    async def test_all_pages(self) -> None:
        desk = stand()
        desk.gateway.on(INFO, listed(info("AUSDT"), cursor="2"), listed(info("BUSDT")))
        assert list(await desk.dialect.instruments()) == ["AUSDT", "BUSDT"]
        assert desk.gateway.of(INFO)[1]["cursor"] == "2"

    async def test_without_a_key_fees_are_not_asked_for(self) -> None:
        desk = stand()
        desk.gateway.on(INFO, listed(info())).on(FEES, refused(10003))
        desk.dialect.client(Access(Environment.LIVE))
        assert (await desk.dialect.instruments())[BTC].taker_fee == Decimal("0.00055")
        desk.dialect.client(Access(Environment.LIVE, "key", "secret"))
        with pytest.raises(VenueUnavailable):
            await desk.dialect.instruments()

    @pytest.mark.parametrize(
        "change",
        [
            {"contractType": "LinearFutures"},
            {"quoteCoin": "USDC", "settleCoin": "USDC"},
            {"quoteCoin": "USD"},
        ],
    )
    def test_other_contracts_are_left_out(self, change: dict[str, object]) -> None:
        assert read_instruments([Row(info() | change)]) == {}

    def test_what_does_not_trade_is_kept_and_marked(self) -> None:
        assert read_instruments([Row(info(status="Closed"))])[BTC].tradable is False

    @pytest.mark.parametrize(
        "change,says",
        [
            ({"priceFilter": {"tickSize": "0"}}, f"{BTC}: tickSize is '0'"),
            ({"priceFilter": {}}, f"{BTC}: tickSize is 'None'"),
            ({"lotSizeFilter": {"qtyStep": "NaN", "minOrderQty": "1"}}, f"{BTC}: qtyStep is 'NaN'"),
            ({"fundingInterval": 77 * 60}, f"{BTC}: fundingInterval is 4620"),
        ],
    )
    def test_one_odd_listing_is_a_clear_line_and_keeps_no_other_out(
        self, change: dict[str, object], says: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        found = read_instruments([Row(info() | change), Row(info("ETHUSDT"))])
        assert list(found) == ["ETHUSDT"]
        assert says in caplog.text

    @pytest.mark.parametrize("minutes,hours", [(60, 1), (120, 2), (240, 4), (480, 8), (8, 8), (1440, 24)])
    def test_funding_intervals(self, minutes: int, hours: int) -> None:
        assert read_instruments([Row(info(fundingInterval=minutes))])[BTC].funding_interval_hours == hours

    @pytest.mark.skipif(not LEAN.is_file(), reason="no list of Bybit's contracts: set QUARTERDECK_REAL_DATA")
    def test_every_contract_of_a_whole_exchange_reads(self) -> None:
        rows = [Row(row) for row in json.loads(LEAN.read_text())]
        ours = [row.text("symbol") for row in rows if row.text("quoteCoin") == "USDT"]
        found = read_instruments(rows)
        assert len(found) == len(set(ours)) > 400
        for made in found.values():
            assert made.price_tick > 0
            assert made.min_quantity >= made.quantity_step > 0

    @pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded Bybit answers: set QUARTERDECK_REAL_DATA")
    def test_recorded_answers(self) -> None:
        linear = json.loads((RECORDED / "http_get_instruments_linear.json").read_text())
        found = read_instruments(result(linear).rows("list"))
        assert list(found) == [BTC, "ETHUSDT"]
        assert found[BTC].max_market_quantity == Decimal("50.0")
        stock = json.loads((RECORDED / "http_get_instruments_linear_symbol_type.json").read_text())
        assert list(read_instruments(result(stock).rows("list"))) == ["TSLAUSDT"]
        for other in ("inverse", "option", "spot"):
            payload = json.loads((RECORDED / f"http_get_instruments_{other}.json").read_text())
            assert read_instruments(result(payload).rows("list")) == {}


class Exchange:
    """Candles of one symbol from a beginning on, answered as Bybit does: newest first, the forming one too."""

    def __init__(self, first_ms: int) -> None:
        self.first_ms = first_ms

    def answer(self, ask: Ask) -> object:
        """A page."""
        end, limit = int(str(ask.params["end"])), int(str(ask.params["limit"]))
        starts = range(self.first_ms, min(end, NOW_MS) + 1, MINUTE)
        rows = [[str(at), str(at // MINUTE), "1e9", "1", "2", "3", "4"] for at in starts]
        return ok(category="linear", symbol=BTC, list=rows[-limit:][::-1])


def market(first_ms: int = NOW_MS - NOW_MS % MINUTE - 5000 * MINUTE) -> Stand:
    """A dialect over an exchange with candles."""
    desk = stand()
    desk.gateway.on(KLINE, Exchange(first_ms).answer)
    return desk


class TestCandles:
    @pytest.mark.parametrize("bars,calls", [(1, 1), (500, 1), (1000, 1), (1001, 2), (2500, 3)])
    async def test_the_last_closed_ones_oldest_first(self, bars: int, calls: int) -> None:
        desk = market()
        got = await desk.dialect.candles(BTC, "1m", bars)
        last_closed = NOW_MS // MINUTE * MINUTE - MINUTE
        assert len(got) == bars
        assert got.open_at_ms.tolist() == [last_closed - (bars - 1 - n) * MINUTE for n in range(bars)]
        assert len(desk.gateway.of(KLINE)) == calls

    async def test_up_to_a_time(self) -> None:
        until = NOW_MS // MINUTE * MINUTE - 100 * MINUTE
        got = await market().dialect.candles(BTC, "1m", 10, until)
        assert got.open_at_ms[-1] == until - MINUTE
        got = await market().dialect.candles(BTC, "1m", 10, until + 30_000)
        assert got.open_at_ms[-1] == until - MINUTE

    async def test_a_young_listing_gives_what_there_is(self) -> None:
        got = await market(NOW_MS // MINUTE * MINUTE - 3 * MINUTE).dialect.candles(BTC, "1m", 500)
        assert len(got) == 3

    async def test_none_at_all(self) -> None:
        desk = stand()
        desk.gateway.on(KLINE, ok(list=[]))
        assert len(await desk.dialect.candles(BTC, "1m", 500)) == 0

    async def test_rows_that_cannot_be_read_are_left_out(self) -> None:
        desk = stand()
        at = str(NOW_MS // MINUTE * MINUTE - MINUTE)
        rows = [[at, "1", "2", "1", "1", "nan", "4"], ["x"], None, [at, "1"], {"a": 1}]
        desk.gateway.on(KLINE, ok(list=rows))
        assert len(await desk.dialect.candles(BTC, "1m", 5)) == 0

    @pytest.mark.parametrize("timeframe,interval", [("1h", "60"), ("4h", "240"), ("1d", "D"), ("15m", "15")])
    async def test_intervals(self, timeframe: str, interval: str) -> None:
        desk = stand()
        desk.gateway.on(KLINE, ok(list=[]))
        await desk.dialect.candles(BTC, timeframe, 5)
        assert desk.gateway.of(KLINE)[0]["interval"] == interval

    async def test_a_timeframe_that_is_not_there(self) -> None:
        with pytest.raises(VenueUnavailable, match="7m"):
            await stand().dialect.candles(BTC, "7m", 5)


TICKER = {
    "symbol": BTC, "lastPrice": "100", "markPrice": "101", "bid1Price": "99", "ask1Price": "100.5",
    "fundingRate": "-0.0001", "nextFundingTime": "1700000000000",
}  # fmt: skip


async def test_quotes_and_rates_of_all_contracts_in_one_call_each() -> None:
    desk = stand()
    half = {"symbol": "HALFUSDT", "lastPrice": "", "markPrice": "1", "fundingRate": ""}
    desk.gateway.on("publicGetV5MarketTickers", listed(TICKER, half, {"symbol": "BTCPERP"} | TICKER))
    assert (await desk.dialect.quotes())[0] == Quote(BTC, NOW_MS, 99.0, 100.5, 100.0, 101.0)
    assert FundingRate(BTC, NOW_MS, -0.0001, 1_700_000_000_000) in await desk.dialect.funding_rates()
    assert len(desk.gateway.asks) == 2


async def test_server_time() -> None:
    desk = stand()
    desk.gateway.on("publicGetV5MarketTime", ok(timeSecond="1760000000", timeNano="1760000000123456789"))
    assert await desk.dialect.server_time_ms() == 1_760_000_000_123
    assert desk.gateway.asks[-1].lane is Lane.PROTECT, "an order turned down for its timestamp waits for it"
    desk.gateway.on("publicGetV5MarketTime", ok(timeSecond="1760000000"))
    assert await desk.dialect.server_time_ms() == 1_760_000_000_000
    desk.gateway.on("publicGetV5MarketTime", ok())
    with pytest.raises(VenueUnavailable):
        await desk.dialect.server_time_ms()


@pytest.mark.parametrize(
    "rows,said",
    [
        ([], ""),
        ([{"state": "completed", "title": "t"}, {"state": "scheduled", "title": "u"}], ""),
        ([{"state": "ongoing", "title": "Upgrade of the matching engine"}], "Upgrade of the matching engine"),
        ([{"state": "ongoing"}], "maintenance"),
    ],
)
async def test_maintenance(rows: list[object], said: str) -> None:
    desk = stand()
    desk.gateway.on("publicGetV5SystemStatus", listed(*rows))
    assert await desk.dialect.maintenance() == said


class TestAccess:
    def test_no_address_of_the_sandbox_leads_outside(self) -> None:
        import ccxt.pro

        access = Access(Environment.SANDBOX, "k", "s", "http://127.0.0.1:1", "ws://127.0.0.1:1")
        client = stand().dialect.client(access)
        exchange = getattr(ccxt.pro, client.exchange_id)(dict(client.settings))
        for tree in ("api", "test", "demotrading"):
            found = list(texts(exchange.urls[tree]))
            assert len(found) >= 13
            assert [url for url in found if "//127.0.0.1:1" not in url] == []

    def test_the_test_world_is_ccxts_own(self) -> None:
        import ccxt.pro

        client = stand().dialect.client(Access(Environment.TESTNET, "k", "s"))
        ours = ccxt.pro.bybit(dict(client.settings))
        theirs = ccxt.pro.bybit()
        theirs.set_sandbox_mode(True)
        for key in ("public", "private"):
            assert ours.urls["api"][key] == theirs.urls["api"][key]
        assert ours.urls["api"]["ws"]["public"]["linear"] == theirs.urls["api"]["ws"]["public"]["linear"]
        private = ours.urls["api"]["ws"]["private"]
        assert private["contract"] == theirs.urls["api"]["ws"]["private"]["contract"]

    def test_live_is_ccxts_default(self) -> None:
        assert "urls" not in stand().dialect.client(Access(Environment.LIVE, "k", "s")).settings

    def test_no_secret_in_the_settings(self) -> None:
        client = stand().dialect.client(Access(Environment.LIVE, "my-key", "my-secret"))
        assert "my-" not in repr(client)

    def test_every_method_we_ask_exists(self) -> None:
        import ccxt.pro

        exchange = ccxt.pro.bybit()
        source = "".join(path.read_text() for path in (ROOT / "bot" / "venues" / "bybit").glob("*.py"))
        methods = {word for word in source.replace('"', " ").split() if "V5" in word and word[0] == "p"}
        asked = {word for word in methods if word.startswith(("privateGet", "privatePost", "publicGet"))}
        assert len(asked) >= 15
        assert [word for word in asked if len(word) > 15 and not hasattr(exchange, word)] == []

    def test_topics_of_one_socket_fit_what_bybit_takes(self) -> None:
        plan = stand().dialect.streams
        topics = ['"kline.15.1000000BABYDOGEUSDT"', '"tickers.1000000BABYDOGEUSDT"']
        assert plan.symbols_per_socket * sum(len(topic) + 1 for topic in topics) <= 21_000
        assert plan.symbols_per_socket >= 263


def texts(tree: object) -> Iterator[str]:
    """Every text in a tree."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        for branch in tree.values():
            yield from texts(branch)


def test_a_good_answer_needs_an_envelope() -> None:
    dialect = stand().dialect
    assert dialect.reply_code({"retCode": 0, "retMsg": "OK"}) == ("", "OK")
    assert dialect.reply_code({"retCode": "0"}) == ("", "")
    assert dialect.reply_code({"retCode": 10001, "retMsg": "bad"}) == ("10001", "bad")
    for body in ({}, [], None, 5, "text", {"retCode": None}, {"retCode": True}, {"retCode": []}):
        assert dialect.reply_code(body)[0] == "garbage"


def test_the_script_of_these_tests_is_a_gateway() -> None:
    from bot.venues.ccxt_venue.dialect import Dialect
    from bot.venues.ccxt_venue.wire import Gateway

    gateway: Gateway = ScriptedGateway()
    dialect: Dialect = stand().dialect
    assert (gateway.now_ms, dialect.name) == (NOW_MS, "bybit")
