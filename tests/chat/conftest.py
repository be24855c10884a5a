"""Fixtures of the chat tests."""

import pytest
from chat_fakes import Chat


@pytest.fixture
def chat() -> Chat:
    return Chat()
