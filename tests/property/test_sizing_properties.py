"""Whatever is asked, a size never goes beyond its wish or any bound, and rounding never raises risk."""

from dataclasses import replace
from decimal import Decimal

from desk_story import D, instrument
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.guard import Sizing, SizingMode
from bot.domain.instrument import ZERO, Bracket, Instrument
from bot.domain.signal import Side
from bot.risk.sizing import SizeRequest, margin_ratio, size

REPEATABLE = settings(max_examples=150, deadline=None, derandomize=True)
LAST_DIGIT = D("1.0000000000000000000000001")  # figures have 28 digits
STEPS = ["0", "0.00001", "0.001", "0.3", "1", "1000"]
TICKS = ["0", "0.0000001", "0.01", "0.25", "10"]


def amounts(low: str, high: str, places: int = 6) -> st.SearchStrategy[Decimal]:
    scale = D(10) ** places
    return st.integers(int(D(low) * scale), int(D(high) * scale)).map(lambda n: D(n) / scale)


prices = amounts("0.000001", "10") | amounts("1", "200000") | st.just(D("1e15")) | st.just(D("3e-9"))
money = amounts("0", "0.01") | amounts("0", "100000") | st.just(D("1e16"))
sizings = st.builds(
    Sizing,
    mode=st.sampled_from(list(SizingMode)),
    value=amounts("0.000001", "100") | amounts("1", "1000000"),
    ratio_max=amounts("0.20", "1"),
)
instruments = st.builds(
    lambda step, tick, least, most: instrument(
        "XYZ",
        quantity_step=D(step),
        price_tick=D(tick),
        min_quantity=least,
        max_quantity=most,
        max_market_quantity=most / 2,
        brackets=(Bracket(D(50_000), 50, D("0.01"), ZERO), Bracket(D(500_000), 20, D("0.02"), D(500))),
    ),
    st.sampled_from(STEPS),
    st.sampled_from(TICKS),
    amounts("0", "1"),
    amounts("1", "10000") | st.just(D("1e12")),
)
requests = st.builds(
    SizeRequest,
    sizing=sizings,
    instrument=instruments,
    entry_price=prices,
    stop_price=prices,
    balance=money | st.just(D(-3)),
    base_balance=money,
    share=st.sampled_from([D(1), D("0.125"), D(1) / 3, D(0)]),
    leverage=st.sampled_from([1, 3, 7, 20, 50, 125]),
    cost_rate=amounts("0.0001", "0.01"),
    room=money,
    available=money,
)


def wish(request: SizeRequest) -> Decimal:
    """The specification's formulas once more, unrounded."""
    sizing, balance = request.sizing, max(ZERO, request.balance)
    per_unit = abs(request.entry_price - request.stop_price) + request.entry_price * request.cost_rate
    match sizing.mode:
        case SizingMode.RISK_USD:
            return sizing.value / per_unit
        case SizingMode.RISK_PERCENT:
            return balance * sizing.value / 100 / per_unit
        case SizingMode.FIXED_NOTIONAL:
            return sizing.value / request.entry_price
        case SizingMode.MARGIN_RATIO:
            falling = sizing.ratio_max - (request.balance - request.base_balance) * sizing.ratio_decay
            ratio = sorted((sizing.ratio_min, falling, sizing.ratio_max))[1]
            return balance * request.share * ratio * request.leverage / request.entry_price


@REPEATABLE
@given(requests)
def test_never_more_than_wished_or_than_any_bound(request: SizeRequest) -> None:
    sized, contract = size(request), request.instrument
    assert ZERO <= sized.quantity <= wish(request)
    assert sized.quantity <= contract.max_quantity
    assert sized.quantity <= contract.max_market_quantity
    assert sized.notional <= contract.max_notional(request.leverage)
    assert sized.notional <= request.room
    entry_cost = sized.notional * request.cost_rate
    assert sized.notional / request.leverage + entry_cost <= request.available
    assert (sized.notional, sized.margin) == (
        sized.quantity * request.entry_price,
        sized.quantity * request.entry_price / request.leverage,
    )


@REPEATABLE
@given(requests)
def test_the_venue_takes_the_quantity(request: SizeRequest) -> None:
    quantity, contract = size(request).quantity, request.instrument
    assert quantity == 0 or quantity >= contract.min_quantity
    assert contract.quantity_down(quantity) == quantity
    if contract.quantity_step:
        assert quantity % contract.quantity_step == 0


@REPEATABLE
@given(requests)
def test_what_binds_is_what_gives_the_size(request: SizeRequest) -> None:
    """Lifting every bound that is not named changes nothing."""
    sized = size(request)
    named = sized.binding.split(":")[0]
    far = D("1e30")
    lifted = {
        "maximum quantity": {
            "instrument": replace(request.instrument, max_quantity=far, max_market_quantity=far)
        },
        "leverage bracket": {
            "instrument": replace(request.instrument, brackets=(Bracket(far, 125, ZERO, ZERO),))
        },
        "exposure limit": {"room": far},
        "free margin": {"available": far},
    }
    assert named in {*lifted, request.sizing.mode.value}
    for name, change in lifted.items():
        if name != named:
            assert size(replace(request, **change)).quantity == sized.quantity


@REPEATABLE
@given(requests, st.sampled_from(list(Side)))
def test_rounding_the_stop_never_raises_risk(request: SizeRequest, side: Side) -> None:
    sized, contract, entry = size(request), request.instrument, request.entry_price
    distance = abs(entry - request.stop_price)
    exact = entry - distance * side.sign
    rounded = contract.stop_price(side, exact)
    assert (entry - rounded) * side.sign <= distance
    assert abs(rounded - exact) <= contract.price_tick
    costs = sized.quantity * entry * request.cost_rate
    assert sized.quantity * (entry - rounded) * side.sign + costs <= sized.risk * LAST_DIGIT
    if request.sizing.mode is SizingMode.RISK_USD:
        assert sized.risk <= request.sizing.value
    if request.sizing.mode is SizingMode.RISK_PERCENT:
        assert sized.risk <= max(ZERO, request.balance) * request.sizing.value / 100


@REPEATABLE
@given(sizings, money, money)
def test_the_ratio_stays_within_its_bounds_and_falls_with_the_balance(
    sizing: Sizing, balance: Decimal, base: Decimal
) -> None:
    ratio = margin_ratio(sizing, balance, base)
    assert sizing.ratio_min <= ratio <= sizing.ratio_max
    assert margin_ratio(sizing, balance + 1, base) <= ratio
    assert margin_ratio(sizing, base, base) == sizing.ratio_max


@REPEATABLE
@given(prices, st.sampled_from(TICKS), st.sampled_from(list(Side)))
@example(D("1e-30"), "0.01", Side.LONG)
def test_prices_round_towards_the_entry(price: Decimal, tick: str, side: Side) -> None:
    contract: Instrument = instrument("XYZ", price_tick=D(tick))
    assert (contract.stop_price(side, price) - price) * side.sign >= 0
    assert (contract.target_price(side, price) - price) * side.sign <= 0
