"""Who may call: keys, signatures, timestamps, rights."""

import hmac
from enum import StrEnum
from hashlib import sha256

from sandbox.exchange.binance.call import Call, Floor
from sandbox.exchange.binance.problems import Problem, illegal, missing
from sandbox.exchange.core import ExchangeAccount
from sandbox.exchange.wire import Request

DEFAULT_WINDOW_MS = 5_000
MARK = "&signature="


class Lock(StrEnum):
    """What a call asks of its caller."""

    PUBLIC = "public"
    KEY = "key"
    READ = "read"
    TRADE = "trade"


def signature(secret: str, payload: str) -> str:
    """Hex HMAC-SHA256."""
    return hmac.new(secret.encode(), payload.encode(), sha256).hexdigest()


def caller(floor: Floor, request: Request, lock: Lock) -> ExchangeAccount | None:
    """The account that calls; None for public calls. Raises Problem."""
    if lock is Lock.PUBLIC:
        return None
    return owner_of(floor, request.headers.get("x-mbx-apikey", ""), lock)


def owner_of(floor: Floor, key: str, lock: Lock) -> ExchangeAccount:
    """The account of a key that may do this. Raises Problem -2014, -2015."""
    if not key or not key.isascii() or not key.isalnum():
        raise Problem(-2014)
    account = floor.exchange.account_of_key(key)
    if account is None:
        raise Problem(-2015)
    rights = account.key.rights
    expired = 0 < rights.expires_at_ms <= floor.now_ms
    if expired or (lock is Lock.TRADE and (rights.read_only or not rights.trade)):
        raise Problem(-2015)
    return account


def check_signature(account: ExchangeAccount, request: Request) -> None:
    """Verify the signature over everything before it, query and body as sent. Raises Problem -1102, -1022."""
    payload, mark, given = (request.query + request.body.decode("utf-8", "replace")).rpartition(MARK)
    if not mark or not given:
        raise missing("signature")
    check_signed(account, payload, given)


def check_signed(account: ExchangeAccount, payload: str, given: str) -> None:
    """Raises Problem -1022."""
    if not hmac.compare_digest(signature(account.key.secret, payload).encode(), given.lower().encode()):
        raise Problem(-1022)


def check_time(call: Call) -> None:
    """A signed call is recent. Raises Problem -1102, -1100, -1131, -1021."""
    timestamp, window = call.whole("timestamp"), _window(call)
    if timestamp is None:
        raise missing("timestamp")
    if call.exchange.on_time(timestamp, window):
        return
    if timestamp > call.floor.now_ms:
        raise Problem(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    raise Problem(-1021)


def _window(call: Call) -> int:
    value = call.figure("recvWindow")
    if value is None:
        return DEFAULT_WINDOW_MS
    if value > 60_000:
        raise Problem(-1131)
    if value < 1:
        raise illegal("recvWindow", "^[0-9]{1,20}$")
    return int(value)
