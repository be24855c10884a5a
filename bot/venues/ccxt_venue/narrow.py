"""A narrow door for HTTP: no redirect is followed, no answer is read beyond what an exchange could mean.

Whoever answers in the exchange's place could otherwise send key, signature and the order itself to another host (and
have that host's answer believed), or fill the memory with one answer.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

LARGEST_ANSWER = 32 * 1024 * 1024


class Narrow:
    """An aiohttp session as ccxt uses it, through the narrow door; everything else is the session's own."""

    def __init__(self, session: Any, largest: int = LARGEST_ANSWER) -> None:
        """`largest` bytes of an answer are read, after decompression."""
        self._session = session
        self._largest = largest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def get(self, url: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        """GET."""
        return self._ask("GET", url, options)

    def post(self, url: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        """POST."""
        return self._ask("POST", url, options)

    def put(self, url: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        """PUT."""
        return self._ask("PUT", url, options)

    def delete(self, url: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        """DELETE."""
        return self._ask("DELETE", url, options)

    def patch(self, url: Any, **options: Any) -> AbstractAsyncContextManager[Any]:
        """PATCH."""
        return self._ask("PATCH", url, options)

    @asynccontextmanager
    async def _ask(self, method: str, url: Any, options: dict[str, Any]) -> AsyncIterator["_Answer"]:
        options["allow_redirects"] = False
        async with self._session.request(method, url, **options) as response:
            yield _Answer(response, self._largest)


class _Answer:
    def __init__(self, response: Any, largest: int) -> None:
        self._response = response
        self._largest = largest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
        """The body. Raises aiohttp's ClientPayloadError when it is too large."""
        from aiohttp import ClientPayloadError

        body = bytearray()
        async for piece in self._response.content.iter_any():
            body += piece
            if len(body) > self._largest:
                self._response.close()
                raise ClientPayloadError(f"an answer of more than {self._largest} bytes")
        return body.decode(encoding or "utf-8", errors)
