"""Databases for whoever needs a real one."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.database import Database

sys.path.append(str(Path(__file__).parents[1] / "unit"))  # domain_values lives there


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A database of its own for each test."""
    from storage_kit import fresh_url

    yield from fresh_url(tmp_path)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """An open database."""
    from storage_kit import opened

    async with opened(url) as database:
        yield database
