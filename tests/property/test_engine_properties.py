"""Whatever the market, the operators, people and the venue do: what must always hold of the engine."""

from engine_runs import Happening, bad, bars, commands, good, new_run, people, restart
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.event import Started
from bot.runtime.codec import actions_digest, decode_event, encode_event

MODERATE = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def some(happenings: st.SearchStrategy[Happening], most: int = 40) -> st.SearchStrategy[list[Happening]]:
    return st.lists(happenings, min_size=8, max_size=most)


@MODERATE
@given(some(good), st.sampled_from([0, 3]))
def test_with_a_good_venue_the_books_agree_and_nothing_is_ever_uncovered(
    told: list[Happening], parts: int
) -> None:
    """`desk.check` looks after every single happening."""
    run = new_run(parts)
    for happening in told:
        run.do(happening)
    run.settle()


@MODERATE
@given(some(good | people), st.sampled_from([0, 3]))
def test_people_at_the_venue(told: list[Happening], parts: int) -> None:
    run = new_run(parts)
    for happening in told:
        run.do(happening)
    run.settle()


@MODERATE
@given(some(good | bad), st.sampled_from([0, 3]))
def test_after_any_misbehaviour_the_books_agree_again(told: list[Happening], parts: int) -> None:
    run = new_run(parts)
    for happening in told:
        run.do(happening)
    run.settle()


@MODERATE
@given(some(good | bad | people | st.builds(restart), most=50))
def test_everything_at_once_with_restarts(told: list[Happening]) -> None:
    run = new_run(3)
    for happening in told:
        run.do(happening)
    run.settle()


@settings(MODERATE, max_examples=60)
@given(some(bars | commands | bad | people | st.builds(restart)))
def test_the_journal_replays_byte_for_byte(told: list[Happening]) -> None:
    """Every event, written down and read back, leads a fresh engine to the same actions."""
    run = new_run()
    for happening in told:
        run.do(happening)
    engine = run.desk.new_engine()
    for step in run.desk.venue.steps:
        if isinstance(step.event, Started):
            engine = run.desk.new_engine()
        actions = engine.handle(decode_event(encode_event(step.event)))
        assert actions_digest(actions) == actions_digest(step.actions), step.event
