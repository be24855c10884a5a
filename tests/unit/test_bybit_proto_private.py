"""Bybit protocol: private topics and the trade socket."""

import pytest
from bybit_kit import Client, D, entry
from line_kit import Line

from sandbox.exchange.bybit import Settings

NAMED = {"category": "linear", "symbol": "BTCUSDT"}


@pytest.fixture
def client() -> Client:
    return Client()


# Auth


def test_auth_with_a_number_or_a_text(client: Client) -> None:
    moment = client.exchange.now_ms + 5000
    for expires in (moment, str(moment)):
        line = client.dial("/v5/private")
        answer = client.say(line, op="auth", args=client.auth_args(expires), req_id="1")
        assert (answer["op"], answer["success"], answer["req_id"]) == ("auth", True, "1")


@pytest.mark.parametrize("slip", ["key", "secret", "expired", "short"])
def test_auth_that_fails(client: Client, slip: str) -> None:
    line = client.dial("/v5/private")
    args = client.auth_args(client.exchange.now_ms - 1 if slip == "expired" else None)
    if slip == "key":
        args[0] = "nobody"
    if slip == "secret":
        args[2] = "0" * 64
    if slip == "short":
        args = args[:2]
    answer = client.say(line, op="auth", args=args)
    assert answer["success"] is False
    assert answer["ret_msg"]
    assert client.say(line, op="subscribe", args=["order"])["ret_msg"] == "Request not authorized"


def test_nothing_is_told_for_a_subscription(client: Client) -> None:
    client.order()
    line = client.listen("order", "execution", "position", "wallet")
    assert [one["op"] for one in line.frames()] == ["auth", "subscribe"]


def test_unknown_private_topics_are_named(client: Client) -> None:
    line = client.listen("order")
    answer = client.say(line, op="subscribe", args=["execution", "greeks", "tickers.BTCUSDT"])
    assert answer["success"] is False
    assert "greeks" in answer["ret_msg"]
    client.order()
    assert line.rows("execution")


def test_a_topic_and_its_category_do_not_go_together(client: Client) -> None:
    line = client.dial("/v5/private")
    client.say(line, op="auth", args=client.auth_args())
    answer = client.say(line, op="subscribe", args=["order", "order.linear"])
    assert answer["success"] is False
    assert client.say(line, op="subscribe", args=["order.linear", "execution"])["success"]
    client.order()
    assert [row["orderStatus"] for row in line.rows("order.linear")] == ["New", "Filled"]
    assert line.rows("order") == []


# News


def test_what_an_order_sets_in_motion(client: Client) -> None:
    line = client.listen("order", "execution", "execution.fast", "position", "wallet")
    uid = client.order(orderLinkId="QD-1")
    frames = [one for one in line.frames() if "topic" in one]
    assert {one["topic"] for one in frames} == {"order", "execution", "execution.fast", "position", "wallet"}
    assert len({one["id"] for one in frames}) == len(frames)
    assert all(one["creationTime"] == client.exchange.now_ms for one in frames)
    filled = line.rows("order")[-1]
    assert (filled["orderId"], filled["orderLinkId"], filled["category"]) == (uid, "QD-1", "linear")
    execution, fast = line.rows("execution")[0], line.rows("execution.fast")[0]
    assert execution["execId"] == fast["execId"]
    assert (fast["orderLinkId"], fast["isMaker"], fast["seq"]) == ("QD-1", False, execution["seq"])
    position = line.rows("position")[-1]
    assert (position["side"], position["size"], position["seq"]) == ("Buy", "0.01", execution["seq"])
    assert D(position["entryPrice"]) == client.account.trades[0].price
    assert D(line.rows("wallet")[-1]["coin"][0]["walletBalance"]) == client.account.funds().wallet


def test_a_makers_fast_execution_has_no_client_id(client: Client) -> None:
    line = client.listen("execution.fast", "execution")
    client.order(orderType="Limit", price=client.at("0.99"), orderLinkId="QD-1")
    client.push("0.98")
    assert (line.rows("execution.fast")[0]["orderLinkId"], line.rows("execution.fast")[0]["isMaker"]) == (
        "",
        True,
    )
    assert line.rows("execution")[0]["orderLinkId"] == "QD-1"


def test_orders_of_any_kind_show_the_position_again(client: Client) -> None:
    line = client.listen("position")
    uid = client.order(orderType="Limit", price=client.at("0.9"))
    client.post("order/cancel", **NAMED, orderId=uid)
    assert [row["size"] for row in line.rows("position")] == ["0", "0"]


def test_a_stop_is_shown_with_its_position(client: Client) -> None:
    client.order()
    line = client.listen("position", "order")
    price = client.at("0.97")
    client.stop(stopLoss=price)
    assert line.rows("position")[-1]["stopLoss"] == price
    assert line.rows("position")[-1]["takeProfit"] == "0"
    assert line.rows("order")[-1]["stopOrderType"] == "StopLoss"


def test_news_of_a_close_tell_what_it_brought(client: Client) -> None:
    client.order(qty="0.100")
    client.push("1.01")
    line = client.listen("order", "position")
    client.order(side="Sell", qty="0.100", reduceOnly=True)
    closed = client.get("position/closed-pnl", category="linear")["list"][0]
    assert D(line.rows("order")[-1]["closedPnl"]) == D(closed["closedPnl"])
    flat = line.rows("position")[-1]
    assert (flat["side"], flat["size"], flat["entryPrice"]) == ("", "0", "0")
    assert abs(D(flat["curRealisedPnl"]) - D(closed["closedPnl"])) < D("1e-9")


def test_transfers_are_told_by_the_wallet(client: Client) -> None:
    line = client.listen("wallet")
    client.account.transfer(D(250))
    assert line.rows("wallet")[-1]["totalWalletBalance"] == "10250"


def test_each_listener_gets_each_frame_once(client: Client) -> None:
    lines = [client.listen("order"), client.listen("order")]
    client.order()
    assert [len(line.rows("order")) for line in lines] == [2, 2]
    client.protocol.closed(lines[0])
    client.order()
    assert [len(line.rows("order")) for line in lines] == [2, 4]


# The trade socket


def trading(client: Client) -> Line:
    line = client.dial("/v5/trade")
    answer = client.say(line, op="auth", args=client.auth_args(), reqId="a")
    assert (answer["retCode"], answer["op"], answer["reqId"]) == (0, "auth", "a")
    return line


def header(client: Client, offset_ms: int = 0) -> dict[str, str]:
    return {"X-BAPI-TIMESTAMP": str(client.exchange.now_ms + offset_ms), "X-BAPI-RECV-WINDOW": "5000"}


def test_orders_by_socket(client: Client) -> None:
    line = trading(client)
    asked = entry() | {"orderType": "Limit", "price": client.at("0.9"), "orderLinkId": "QD-1"}
    made = client.say(line, op="order.create", reqId="1", header=header(client), args=[asked])
    assert (made["retCode"], made["op"], made["reqId"]) == (0, "order.create", "1")
    assert (made["data"]["orderLinkId"], made["connId"]) == ("QD-1", line.state["connection"])
    assert made["header"]["X-Bapi-Limit"] == "10"
    uid = made["data"]["orderId"]
    lower = client.at("0.89")
    moved = {**NAMED, "orderId": uid, "price": lower}
    assert client.say(line, op="order.amend", reqId="2", header=header(client), args=[moved])["retCode"] == 0
    assert client.row(uid)["price"] == lower
    gone = client.say(line, op="order.cancel", header=header(client), args=[{**NAMED, "orderId": uid}])
    assert (gone["retCode"], gone["data"]["orderId"]) == (0, uid)
    assert "reqId" not in gone


def test_a_batch_by_socket(client: Client) -> None:
    line = trading(client)
    order = {name: value for name, value in entry().items() if name != "category"}
    args = [{"category": "linear", "request": [order, order | {"qty": "0"}]}]
    made = client.say(line, op="order.create-batch", header=header(client), args=args)
    assert [one["code"] for one in made["retExtInfo"]["list"]] == [0, 10001]


def test_what_the_trade_socket_refuses(client: Client) -> None:
    line = trading(client)
    good = {"op": "order.create", "header": header(client), "args": [entry()]}
    assert client.say(line, **(good | {"op": "order.dance"}))["retCode"] == 10404
    assert client.say(line, **(good | {"header": header(client, -60_000)}))["retCode"] == 10002
    assert client.say(line, **(good | {"header": {}}))["retCode"] == 10002
    assert client.say(line, **(good | {"args": [entry(), entry()]}))["retCode"] == 10001
    assert client.say(line, **(good | {"args": [entry() | {"qty": "0"}]}))["retCode"] == 10001
    assert client.say(line, **good, reqId="1")["retCode"] == 0
    assert client.say(line, **good, reqId="1")["retCode"] == 20006
    assert client.say(line, op="auth", args=client.auth_args())["retCode"] == 20001
    assert len(client.account.orders) == 1
    stranger = client.dial("/v5/trade")
    assert client.say(stranger, **good)["retCode"] == 10003


def test_the_trade_socket_shares_the_limits_of_the_calls() -> None:
    client = Client(settings=Settings())
    line = trading(client)
    asked = entry() | {"orderType": "Limit", "price": client.at("0.9")}
    codes = [client.order_code(**asked) for _ in range(5)]
    codes += [
        client.say(line, op="order.create", header=header(client), args=[asked])["retCode"] for _ in range(6)
    ]
    assert codes == [0] * 10 + [10006]
