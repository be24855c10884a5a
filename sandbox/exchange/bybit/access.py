"""Keys, signatures, timestamps, rights."""

import hmac
import re
from hashlib import sha256

from sandbox.exchange.bybit.problems import Problem
from sandbox.exchange.core import Exchange, ExchangeAccount
from sandbox.exchange.nouns import KeyRights
from sandbox.exchange.wire import Request

WINDOW_MS = 5_000
LOOPBACK = "127.0.0.1"
MILLISECONDS = re.compile(r"[0-9]{1,19}")


def signature(secret: str, text: str) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


def signed_right(secret: str, text: str, given: str) -> bool:
    """True when `given` is the signature of the text."""
    return hmac.compare_digest(signature(secret, text).encode(), given.lower().encode())


def owner_of(exchange: Exchange, request: Request, *, changes: bool) -> ExchangeAccount:
    """Whose request it is; `changes`: it needs the right to trade. Raises Problem 10002 to 10005, 10010, 33004."""
    headers = request.headers
    account = known_key(exchange, headers.get("x-bapi-api-key", ""))
    stamp, window = headers.get("x-bapi-timestamp", ""), headers.get("x-bapi-recv-window", "")
    sent = request.query if request.method == "GET" else request.body.decode("utf-8", "replace")
    text = stamp + account.key.key + window + sent
    if not signed_right(account.key.secret, text, headers.get("x-bapi-sign", "")):
        raise Problem(10004)
    check_time(exchange, stamp, window)
    check_rights(account.key.rights, exchange.now_ms, changes=changes)
    return account


def known_key(exchange: Exchange, key: str) -> ExchangeAccount:
    """The account of an API key. Raises Problem 10003 for none."""
    account = exchange.account_of_key(key) if key else None
    if account is None:
        raise Problem(10003)
    return account


def check_time(exchange: Exchange, stamp: str, window: str) -> None:
    """Raises Problem 10002 for a request that is too old or from the future."""
    span = int(window) if MILLISECONDS.fullmatch(window) else WINDOW_MS
    if not MILLISECONDS.fullmatch(stamp) or not exchange.on_time(int(stamp), span):
        raise Problem(
            10002,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{stamp[:20]}],server_timestamp[{exchange.now_ms}],recv_window[{span}]",
        )


def check_rights(rights: KeyRights, now_ms: int, *, changes: bool) -> None:
    """Raises Problem for a key that has expired, is bound to other addresses, or may not trade."""
    if 0 < rights.expires_at_ms <= now_ms:
        raise Problem(33004)
    if rights.ips and LOOPBACK not in rights.ips and "*" not in rights.ips:
        raise Problem(10010)
    if changes and (rights.read_only or not rights.trade):
        raise Problem(10005)
