"""What clients send over sockets: ping, auth, subscribe, and orders on the trade socket."""

from dataclasses import dataclass

import orjson

from sandbox.exchange.bybit.access import check_rights, check_time, known_key, signed_right
from sandbox.exchange.bybit.asking import WHOLE, Floor, Parameters
from sandbox.exchange.bybit.hub import Frame, Hub, account_of, connection_of, encoded
from sandbox.exchange.bybit.limits import Limits
from sandbox.exchange.bybit.problems import MESSAGES, Problem
from sandbox.exchange.bybit.quotes import Quotes
from sandbox.exchange.bybit.routes import SOCKET_CALLS
from sandbox.exchange.bybit.serve import Outcome, failed, run
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.wire import Socket

PUBLIC, PRIVATE, TRADE = "/v5/public/linear", "/v5/private", "/v5/trade"
PATHS = (PUBLIC, PRIVATE, TRADE)
PRIVATE_TOPICS = frozenset(
    {"order", "execution", "execution.fast", "position", "order.linear", "execution.linear"}
    | {"execution.fast.linear", "position.linear", "wallet"}
)
LONGEST_ARGS = 21_000


@dataclass(slots=True)
class SocketCalls:
    """Answers frames of clients."""

    floor: Floor
    hub: Hub
    quotes: Quotes
    limits: Limits

    def received(self, socket: Socket, text: str) -> None:
        """One frame."""
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            frame = None
        if not isinstance(frame, dict):
            self._reply(socket, {}, "", ok=False, message="Request format error")
            return
        match frame.get("op"):
            case "ping":
                socket.state["seen"] = self.floor.now_ms
                socket.send(encoded(self._pong(socket, frame)))
            case "auth":
                self._auth(socket, frame)
            case "subscribe" | "unsubscribe" as op if socket.path != TRADE:
                self._subscribe(socket, frame, op)
            case op if socket.path == TRADE:
                self._trade(socket, frame, str(op))
            case op:
                self._reply(socket, frame, str(op or ""), ok=False, message="Invalid op")

    # Answers

    def _reply(self, socket: Socket, frame: Frame, op: str, *, ok: bool, message: str = "") -> None:
        answer: Frame = {"success": ok, "ret_msg": message, "conn_id": connection_of(socket)}
        if "req_id" in frame or socket.path == PUBLIC:
            answer["req_id"] = str(frame.get("req_id") or "")
        socket.send(encoded(answer | {"op": op}))

    def _pong(self, socket: Socket, frame: Frame) -> Frame:
        connection, now = connection_of(socket), str(self.floor.now_ms)
        if socket.path == TRADE:
            return {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [now], "connId": connection}
        request = str(frame.get("req_id") or "")
        if socket.path == PRIVATE:
            return {"req_id": request, "op": "pong", "args": [now], "conn_id": connection}
        return {"success": True, "ret_msg": "pong", "conn_id": connection, "req_id": request, "op": "ping"}

    # Who it is

    def _auth(self, socket: Socket, frame: Frame) -> None:
        if socket.path == PUBLIC:
            self._reply(socket, frame, "auth", ok=False, message="Invalid op")
            return
        try:
            account = self._authorised(socket, frame.get("args"))
        except Problem as problem:
            self._auth_answer(socket, frame, problem.code, problem.message)
            return
        socket.state |= {"account": account.name, "key": account.key.key}
        self._auth_answer(socket, frame, 0, "")

    def _authorised(self, socket: Socket, args: object) -> ExchangeAccount:
        if account_of(socket):
            raise Problem(20001)
        if not isinstance(args, list) or len(args) != 3:
            raise Problem(10001, "Params Error")
        key, expires, given = str(args[0]), str(args[1]), str(args[2])
        account = known_key(self.floor.exchange, key)
        due_ms = self.floor.now_ms - self.floor.memory.settings.late_auth_ms
        if not WHOLE.fullmatch(expires) or int(expires) <= due_ms:
            raise Problem(10001, "Params Error: expires is in the past")
        if not signed_right(account.key.secret, f"GET/realtime{expires}", given):
            raise Problem(10004)
        check_rights(account.key.rights, self.floor.now_ms, changes=False)
        return account

    def _auth_answer(self, socket: Socket, frame: Frame, code: int, message: str) -> None:
        if socket.path != TRADE:
            self._reply(socket, frame, "auth", ok=not code, message=message)
            return
        answer: Frame = {"retCode": code, "retMsg": message or "OK", "op": "auth"}
        request = {"reqId": frame["reqId"]} if "reqId" in frame else {}
        socket.send(encoded(request | answer | {"connId": connection_of(socket)}))

    # Topics

    def _subscribe(self, socket: Socket, frame: Frame, op: str) -> None:
        """Good topics take effect, the answer names those that did not."""
        args = frame.get("args")
        topics = [str(one) for one in args] if isinstance(args, list) else []
        message = self._refused(socket, topics)
        if message:
            self._reply(socket, frame, op, ok=False, message=message)
            return
        bad, opened = [], []
        for topic in topics:
            slip = self._leave(socket, topic) if op == "unsubscribe" else self._join(socket, topic)
            if slip:
                bad.append(slip)
            elif op == "subscribe" and socket.path == PUBLIC:
                opened.append(topic)
        self._reply(socket, frame, op, ok=not bad, message=",".join(bad))
        for topic in opened:
            self.quotes.opened(socket, topic)

    def _refused(self, socket: Socket, topics: list[str]) -> str:
        """Why the whole request is refused, empty when it is not."""
        if not topics:
            return "Params Error: args is empty"
        if sum(len(topic) for topic in topics) > LONGEST_ARGS:
            return "args size >21000"
        if socket.path == PRIVATE and not account_of(socket):
            return "Request not authorized"
        names = {topic.removesuffix(".linear") for topic in topics}
        if socket.path == PRIVATE and any({name, f"{name}.linear"} <= set(topics) for name in names):
            return "all-in-one topic and categorised topic can not be subscribed together"
        return ""

    def _join(self, socket: Socket, topic: str) -> str:
        private = socket.path == PRIVATE
        if not (topic in PRIVATE_TOPICS if private else self.quotes.knows(topic)):
            return f"error:handler not found,topic:{topic}"
        if not self.hub.subscribe(socket, topic, private=private):
            return f"error:already subscribed,topic:{topic}"
        return ""

    def _leave(self, socket: Socket, topic: str) -> str:
        return "" if self.hub.unsubscribe(socket, topic) else f"error:not subscribed,topic:{topic}"

    # Orders

    def _trade(self, socket: Socket, frame: Frame, op: str) -> None:
        """An order by socket: the same as the call, in its own envelope."""
        outcome = self._traded(socket, frame, op)
        now = str(self.floor.now_ms)
        answer: Frame = {} if "reqId" not in frame else {"reqId": frame["reqId"]}
        answer |= {"retCode": outcome.code, "retMsg": outcome.message, "op": op, "data": outcome.result}
        header = {"Timenow": now, "Traceid": f"{connection_of(socket)}-{now}", **outcome.headers}
        answer |= {"retExtInfo": outcome.extra, "header": header, "connId": connection_of(socket)}
        socket.send(encoded(answer))

    def _traded(self, socket: Socket, frame: Frame, op: str) -> Outcome:
        try:
            account = self._trader(socket, frame, op)
            parameters = _arguments(frame.get("args"))
        except Problem as problem:
            return failed(problem)
        socket.state["seen"] = self.floor.now_ms
        return run(self.floor, self.limits, SOCKET_CALLS[op], parameters, account)

    def _trader(self, socket: Socket, frame: Frame, op: str) -> ExchangeAccount:
        if op not in SOCKET_CALLS:
            raise Problem(10404)
        if not account_of(socket):
            raise Problem(10003, "Request not authorized")
        request = frame.get("reqId")
        if request is not None:
            used = socket.state.setdefault("requests", set())
            if isinstance(used, set) and request in used:
                raise Problem(20006)
            if isinstance(used, set):
                used.add(request)
        header = frame.get("header")
        given = header if isinstance(header, dict) else {}
        exchange = self.floor.exchange
        check_time(exchange, str(given.get("X-BAPI-TIMESTAMP", "")), str(given.get("X-BAPI-RECV-WINDOW", "")))
        account = known_key(exchange, str(socket.state["key"]))
        check_rights(account.key.rights, exchange.now_ms, changes=True)
        return account


def _arguments(args: object) -> Parameters:
    """The one object of a trade operation's arguments."""
    if not isinstance(args, list) or len(args) != 1 or not isinstance(args[0], dict):
        raise Problem(10001, MESSAGES[10001])
    return args[0]
