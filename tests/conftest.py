"""What several folders of tests share lives in tests/support and is imported by its bare name."""

import sys
from collections.abc import Generator
from decimal import ROUND_HALF_EVEN, Context, DivisionByZero, InvalidOperation, Overflow, setcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent / "support"))

CALM = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine is no fault of the code
settings.register_profile("house", CALM, derandomize=True)  # the same examples every time, wherever it runs
settings.register_profile("seek", CALM)  # other ones each time: pytest --hypothesis-profile=seek
settings.load_profile("house")


@pytest.fixture(autouse=True)
def decimals_as_ever() -> None:
    """ccxt changes how its process rounds; what one test leaves is no other's."""
    setcontext(Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hostile text that was logged must not take the rest of the run along: workers pass on UTF-8 only."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections
    ]
    return report
