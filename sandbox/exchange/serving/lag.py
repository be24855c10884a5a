"""Answers of queries from a replica that is behind: what is younger is not in them."""

from dataclasses import replace

import orjson

from sandbox.exchange.wire import Response

BORN = ("createTime", "createdTime", "execTime", "time")
LISTS = ("list", "rows")


def without_young(response: Response, since_ms: int) -> Response | None:
    """The answer without rows born after `since_ms`; None when the one row it is about would be one of them."""
    try:
        answer = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return response
    if isinstance(answer, list):
        return replace(response, body=orjson.dumps([row for row in answer if not _young(row, since_ms)]))
    result = answer.get("result") if isinstance(answer, dict) else None
    if isinstance(result, dict):
        for name in LISTS:
            if isinstance(result.get(name), list):
                result[name] = [row for row in result[name] if not _young(row, since_ms)]
        return replace(response, body=orjson.dumps(answer))
    return None if _young(answer, since_ms) else response


def _young(row: object, since_ms: int) -> bool:
    if not isinstance(row, dict):
        return False
    for name in BORN:
        text = str(row.get(name, ""))
        if text.isdecimal():
            return int(text) > since_ms
    return False
