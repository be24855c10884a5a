"""Bybit protocol: public topics, and the manners of sockets."""

import json

import pytest
from bybit_kit import Client, D, make_exchange
from line_kit import Line

from sandbox.exchange.bybit import Settings

MINUTE_MS = 60_000


@pytest.fixture
def client() -> Client:
    return Client()


# Manners


def test_a_subscription_is_answered(client: Client) -> None:
    line = client.dial("/v5/public/linear")
    answer = client.say(line, op="subscribe", args=["publicTrade.BTCUSDT"], req_id="q1", leaked=True)
    assert answer == {
        "success": True,
        "ret_msg": "",
        "conn_id": line.state["connection"],
        "req_id": "q1",
        "op": "subscribe",
    }


def test_good_topics_take_effect_beside_bad_ones(client: Client) -> None:
    line = client.dial("/v5/public/linear")
    topics = ["tickers.BTCUSDT", "kline.7.BTCUSDT", "tickers.NOPEUSDT", "orderbook.3.BTCUSDT", "news.BTCUSDT"]
    client.protocol.received(line, _frame("subscribe", topics))
    answer = next(one for one in line.frames() if "op" in one)
    assert answer["success"] is False
    assert answer["ret_msg"].count("error:handler not found,topic:") == 4
    assert "tickers.NOPEUSDT" in answer["ret_msg"]
    client.push("1.01")
    assert line.topic("tickers.BTCUSDT")
    assert len(line.topic("tickers.BTCUSDT")) == 2


def _frame(op: str, args: list[str]) -> str:
    return json.dumps({"op": op, "args": args})


def test_twice_the_same_topic_is_refused(client: Client) -> None:
    line = client.dial("/v5/public/linear")
    assert client.say(line, op="subscribe", args=["publicTrade.BTCUSDT"])["success"]
    again = client.say(line, op="subscribe", args=["publicTrade.BTCUSDT"])
    assert (again["success"], again["ret_msg"]) == (
        False,
        "error:already subscribed,topic:publicTrade.BTCUSDT",
    )


def test_unsubscribing_ends_it(client: Client) -> None:
    line = client.watch("publicTrade.BTCUSDT")
    assert client.say(line, op="unsubscribe", args=["publicTrade.BTCUSDT"])["success"]
    before = len(line.got)
    client.push("1.01")
    assert len(line.got) == before
    assert client.say(line, op="unsubscribe", args=["publicTrade.BTCUSDT"])["success"] is False


def test_pings_in_each_dialect(client: Client) -> None:
    now = str(client.exchange.now_ms)
    public, private, trade = (client.dial(path) for path in ("/v5/public/linear", "/v5/private", "/v5/trade"))
    assert client.say(public, op="ping", req_id="7") == {
        "success": True,
        "ret_msg": "pong",
        "conn_id": public.state["connection"],
        "req_id": "7",
        "op": "ping",
    }
    told = client.say(private, op="ping", req_id="8")
    assert (told["op"], told["args"], told["req_id"]) == ("pong", [now], "8")
    told = client.say(trade, op="ping")
    assert (told["op"], told["data"], told["retCode"]) == ("pong", [now], 0)


@pytest.mark.parametrize("text", ["", "{", "[1]", '"ping"', "null"])
def test_frames_that_are_none(client: Client, text: str) -> None:
    line = client.dial("/v5/public/linear")
    client.protocol.received(line, text)
    assert (line.last()["success"], line.last()["ret_msg"]) == (False, "Request format error")


def test_frames_that_ask_for_nothing(client: Client) -> None:
    line = client.dial("/v5/public/linear")
    assert client.say(line, op="subscribe")["success"] is False
    assert client.say(line, op="subscribe", args=[])["success"] is False
    assert client.say(line, op="dance")["ret_msg"] == "Invalid op"
    assert client.say(line, op="auth", args=client.auth_args())["success"] is False
    many = [f"kline.1.{'X' * 30}"] * 700
    assert client.say(line, op="subscribe", args=many)["ret_msg"] == "args size >21000"


def test_an_idle_line_is_cut_after_ten_minutes(client: Client) -> None:
    idle, pinging = client.dial("/v5/private"), client.dial("/v5/private")
    for _ in range(9):
        client.tick(MINUTE_MS)
        client.say(pinging, op="ping")
    assert (idle.closed, pinging.closed) == (0, 0)
    client.tick(MINUTE_MS)
    assert (idle.closed, pinging.closed) == (1001, 0)


@pytest.mark.parametrize("query, after_s", [("max_active_time=1m", 60), ("max_active_time=5s", 30)])
def test_how_long_it_may_be_idle_is_chosen(client: Client, query: str, after_s: int) -> None:
    line = client.dial("/v5/private", query)
    client.tick(after_s * 1000 - 1)
    assert line.closed == 0
    client.tick(1)
    assert line.closed == 1001


def test_a_line_with_news_is_not_idle(client: Client) -> None:
    line = client.watch("kline.1.BTCUSDT")
    client.tick(11 * MINUTE_MS)
    assert line.closed == 0


def test_a_line_that_is_gone_gets_nothing(client: Client) -> None:
    line = client.watch("publicTrade.BTCUSDT", "tickers.BTCUSDT")
    client.protocol.closed(line)
    before = len(line.got)
    client.push("1.01")
    assert len(line.got) == before
    assert client.protocol.hub.public == {}


# Candles


def confirmed(line: Line, topic: str) -> list[int]:
    return [row["start"] for row in line.rows(topic) if row["confirm"]]


def test_each_candle_is_confirmed_exactly_once(client: Client) -> None:
    line = client.watch("kline.1.BTCUSDT")
    begin = client.exchange.now_ms
    for _ in range(240):
        client.tick(5_000)
    starts = confirmed(line, "kline.1.BTCUSDT")
    assert starts == list(range(begin, begin + 20 * MINUTE_MS, MINUTE_MS))
    forming = [row for row in line.rows("kline.1.BTCUSDT") if not row["confirm"]]
    assert len(forming) > 20


def test_a_confirmed_candle_is_the_candle_of_the_call(client: Client) -> None:
    line = client.watch("kline.1.BTCUSDT")
    client.tick(3 * MINUTE_MS + 1000)
    rows = {row["start"]: row for row in line.rows("kline.1.BTCUSDT") if row["confirm"]}
    asked = client.get("market/kline", category="linear", symbol="BTCUSDT", interval="1", limit="4")["list"]
    for cells in asked[1:]:
        row = rows[int(cells[0])]
        assert [row[name] for name in ("open", "high", "low", "close", "volume", "turnover")] == cells[1:]
        assert row["end"] == row["start"] + MINUTE_MS - 1
        assert row["interval"] == "1"


@pytest.mark.parametrize("word, minutes", [("5", 5), ("15", 15), ("60", 60)])
def test_larger_candles_are_confirmed_exactly_once(client: Client, word: str, minutes: int) -> None:
    topic = f"kline.{word}.ETHUSDT"
    line = client.watch(topic)
    begin = client.exchange.now_ms
    for _ in range(4 * minutes):
        client.tick(MINUTE_MS // 2)
    assert confirmed(line, topic) == [begin, begin + minutes * MINUTE_MS]
    asked = client.get("market/kline", category="linear", symbol="ETHUSDT", interval=word, limit="2")["list"]
    last = [row for row in line.rows(topic) if row["confirm"]][-1]
    assert [last[name] for name in ("open", "high", "low", "close", "volume")] == asked[1][1:6]
    assert {row["start"] for row in line.rows(topic) if not row["confirm"]} >= {begin}


def test_forming_candles_are_not_shown_too_often() -> None:
    client = Client(settings=Settings(limits=False, forming_every_ms=30_000))
    line = client.watch("kline.1.BTCUSDT")
    for _ in range(60):
        client.tick(1000)
    forming = [row for row in line.rows("kline.1.BTCUSDT") if not row["confirm"]]
    assert len(forming) <= 4
    assert len(confirmed(line, "kline.1.BTCUSDT")) == 1


# Tickers, books, trades


def test_a_ticker_begins_whole_and_goes_on_by_changes(client: Client) -> None:
    line = client.watch("tickers.BTCUSDT")
    first = line.topic("tickers.BTCUSDT")[0]
    assert (first["type"], first["data"]["symbol"]) == ("snapshot", "BTCUSDT")
    state = dict(first["data"])
    client.push("1.01")
    client.tick(10_000)
    deltas = line.topic("tickers.BTCUSDT")[1:]
    assert {one["type"] for one in deltas} == {"delta"}
    assert deltas[0]["data"]["tickDirection"] == "PlusTick"
    assert "fundingIntervalHour" not in deltas[0]["data"]
    for one in deltas:
        state |= one["data"]
    latest = client.watch("tickers.BTCUSDT").topic("tickers.BTCUSDT")[0]["data"]
    assert state == latest


def test_the_best_level_is_always_whole(client: Client) -> None:
    line = client.watch("orderbook.1.BTCUSDT")
    client.push("1.01")
    frames = line.topic("orderbook.1.BTCUSDT")
    assert [one["type"] for one in frames] == ["snapshot", "snapshot"]
    view = client.exchange.view("BTCUSDT")
    assert D(frames[-1]["data"]["b"][0][0]) == view.bid
    assert D(frames[-1]["data"]["a"][0][0]) == view.ask


@pytest.mark.parametrize("depth", [50, 200])
def test_a_book_is_kept_up_by_changes(client: Client, depth: int) -> None:
    topic = f"orderbook.{depth}.BTCUSDT"
    line = client.watch(topic)
    for factor in ("1.0005", "0.9999", "1.01"):
        client.push(factor)
        client.tick(1000)
    frames = line.topic(topic)
    assert [one["type"] for one in frames][:2] == ["snapshot", "delta"]
    sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    for one in frames:
        for name, levels in sides.items():
            for price, size in one["data"][name]:
                if size == "0":
                    del levels[price]
                else:
                    levels[price] = size
    assert [one["data"]["u"] for one in frames] == list(range(1, len(frames) + 1))
    book = client.get("market/orderbook", category="linear", symbol="BTCUSDT", limit=depth)
    assert sides == {name: dict(book[name]) for name in ("b", "a")}


def test_moves_and_our_own_fills_are_public_trades(client: Client) -> None:
    line = client.watch("publicTrade.BTCUSDT")
    client.push("1.01")
    client.order()
    rows = line.rows("publicTrade.BTCUSDT")
    assert (rows[0]["S"], D(rows[0]["p"])) == ("Buy", client.last())
    fill = client.account.trades[0]
    assert (rows[-1]["S"], D(rows[-1]["p"]), D(rows[-1]["v"])) == ("Buy", fill.price, fill.quantity)
    assert rows[0]["L"] in {"PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick"}
    assert isinstance(rows[0]["T"], int)


def test_three_hundred_candle_streams_over_three_lines() -> None:
    """One minute of the market with 300 symbols, told once a second of it."""
    client = Client(make_exchange(symbols=300))
    symbols = list(client.exchange.instruments)
    lines = [client.dial("/v5/public/linear") for _ in range(3)]
    for number, line in enumerate(lines):
        topics = [f"kline.1.{symbol}" for symbol in symbols[number::3]]
        client.say(line, op="subscribe", args=topics)
        line.got.clear()
    for _ in range(61):
        client.tick(1000)
    closed = [row for line in lines for one in line.frames() for row in one.get("data", []) if row["confirm"]]
    assert len(closed) == 300
