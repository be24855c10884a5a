"""One contract's market: last price, mark, spread, the candle that forms, figures of the day."""

from collections import deque
from decimal import Decimal
from math import floor

from bot.domain.instrument import ZERO, Instrument, to_decimal
from bot.domain.market import DAY_MS, HOUR_MS, Candle
from sandbox.exchange.nouns import Kline, MarketView
from sandbox.exchange.path import way
from sandbox.exchange.series import Forming, Series, kline, turnover_of

SPREAD = Decimal("0.0002")
HOURS = 24

type Hour = tuple[float, float, float, float, float]
"""Open, high, low, volume, turnover of one hour."""


class ContractMarket:
    """What one contract costs. Prices move by `target` and `trade`; `factor` is how far people have pushed the path.

    `mark` None follows the last price. `depth` is what one execution takes at most (base units, zero = all).
    """

    def __init__(self, instrument: Instrument, series: Series, candle: Candle, steps: int) -> None:
        self.instrument = instrument
        self.series = series
        self.steps = steps
        self.held = False
        self.held_mark: Decimal | None = None
        self.spread = SPREAD
        self.depth = ZERO
        self._factor = 1.0
        self._tick = float(instrument.price_tick)
        self._lot = float(instrument.quantity_step) or 1e-8
        self._way = way(candle, steps)
        self._volume = candle.volume
        self._place = 0
        self.price = candle.open
        self.last = to_decimal(candle.open)
        self.forming = Forming(candle.open_at_ms, *(candle.open,) * 4)
        self._looked_back = False
        self._hours: deque[Hour] = deque(maxlen=HOURS - 1)
        self._hour: Hour | None = None
        self._day: Hour | None = None

    # Prices

    @property
    def mark(self) -> Decimal:
        """The mark price."""
        return self.last if self.held_mark is None else self.held_mark

    @property
    def bid(self) -> Decimal:
        """Best bid: half the spread below the last price, rounded away."""
        return self.instrument.price_below(self.last * (1 - self.spread / 2))

    @property
    def ask(self) -> Decimal:
        """Best ask."""
        return self.instrument.price_above(self.last * (1 + self.spread / 2))

    def target(self, place: int) -> float:
        """Where the path goes with its next step; the candle's volume grows with it."""
        self._place = place
        part = self._volume * (place + 1) / self.steps
        whole = place + 1 == self.steps
        self.forming.volume = self._volume if whole else round(floor(part / self._lot) * self._lot, 8)
        if self.held:
            return self.price
        aim = self._way[place]
        return aim if self._factor == 1.0 and self.steps == 4 else self._on_tick(aim * self._factor)

    def trade(self, price: float) -> None:
        """The last price is now this."""
        if price != self.price:
            self.price = price
            self.last = to_decimal(price)
        self.forming.meet(price)

    def push(self, price: Decimal) -> None:
        """Somebody moved the price: the path goes on from here."""
        self.series.interfered(self.forming.open_at_ms)
        self.trade(float(price))
        self.last = price
        self._factor = self.price / self._way[self._place]

    def hold(self, held: bool) -> None:
        """Freeze the path, or let it go on from here."""
        self.series.interfered(self.forming.open_at_ms)
        if self.held and not held:
            self._factor = self.price / self._way[self._place]
        self.held = held

    def relist(self, instrument: Instrument) -> None:
        """Other rules from now on."""
        self.instrument = instrument
        self._tick = float(instrument.price_tick)

    def _on_tick(self, price: float) -> float:
        if not self._tick:
            return price
        nearest = self.instrument.price_nearest(to_decimal(price))
        return float(max(nearest, self.instrument.price_tick))

    # Candles

    def open_bar(self, open_at_ms: int, candle: Candle | None) -> None:
        """A new candle of the source begins; None: it has none, the price stays."""
        if candle is None:
            self.series.interfered(open_at_ms)
            self._factor, self._volume = 1.0, 0.0
            self._way = [self.price] * self.steps
        else:
            self._way, self._volume = way(candle, self.steps), candle.volume
        first = self.target(0)
        volume = self.forming.volume
        self.forming = Forming(open_at_ms, first, first, first, first, volume)

    def close_bar(self) -> Kline:
        """The candle is over."""
        closed = self.kline(closed=True)
        self.series.close(self.forming)
        if self._looked_back:
            self._count(self.forming.figures())
        return closed

    def kline(self, *, closed: bool = False) -> Kline:
        """The candle that forms."""
        row = self.forming.figures()
        return kline(
            self.instrument.symbol,
            self.series.interval,
            self.forming.open_at_ms,
            row,
            turnover_of(row),
            closed=closed,
        )

    # The day

    def _count(self, row: tuple[float, float, float, float, float]) -> None:
        self._hour = _joined(self._hour, row)
        after = self.forming.open_at_ms + self.series.bar_ms
        if after % HOUR_MS == 0 or self.series.bar_ms >= HOUR_MS:
            self._hours.append(self._hour)
            self._hour = None
            self._day = None

    def day(self) -> Hour:
        """Open, high, low, volume and turnover of the last 24 hours, in whole hours before the current one."""
        if not self._looked_back:
            self._look_back()
        if self._day is None:
            total: Hour | None = None
            for hour in self._hours:
                total = hour if total is None else _added(total, hour)
            self._day = total or _joined(None, self.forming.figures())
        now = _joined(self._hour, self.forming.figures())
        return _added(self._day, now) if self._hours else now

    def _look_back(self) -> None:
        self._looked_back = True
        begins = self.forming.open_at_ms // HOUR_MS * HOUR_MS
        times, rows = self.series.rows(begins + HOUR_MS - DAY_MS, self.forming.open_at_ms, self.forming)
        hour: Hour | None = None
        for at_ms, row in zip(times.tolist(), rows.tolist(), strict=True):
            hour = _joined(hour, tuple(row))
            if (at_ms + self.series.bar_ms) % HOUR_MS == 0 or self.series.bar_ms >= HOUR_MS:
                self._hours.append(hour)
                hour = None
        self._hour = hour

    def view(self, at_ms: int, rate: Decimal, next_funding_at_ms: int) -> MarketView:
        """All prices at this moment."""
        day_open, high, low, volume, turnover = self.day()
        size = self.depth or self._size(volume / 50_000)
        return MarketView(
            symbol=self.instrument.symbol,
            at_ms=at_ms,
            last=self.last,
            mark=self.mark,
            index=self.mark,
            bid=self.bid,
            ask=self.ask,
            bid_size=size,
            ask_size=size,
            funding_rate=rate,
            next_funding_at_ms=next_funding_at_ms,
            open_interest=self._size(volume / 3),
            day_open=to_decimal(day_open),
            day_high=to_decimal(high),
            day_low=to_decimal(low),
            day_volume=self._size(volume),
            day_turnover=Decimal(f"{turnover:.2f}"),
        )

    def _size(self, quantity: float) -> Decimal:
        step = self.instrument.quantity_step
        return max(self.instrument.quantity_down(Decimal(f"{quantity:.8f}")), step)


def _joined(hour: Hour | None, row: tuple[float, ...]) -> Hour:
    """An hour and one candle more."""
    opens, high, low, close, volume = row
    turnover = turnover_of((opens, high, low, close, volume))
    now = (opens, high, low, volume, turnover)
    return now if hour is None else _added(hour, now)


def _added(first: Hour, second: Hour) -> Hour:
    return (
        first[0],
        max(first[1], second[1]),
        min(first[2], second[2]),
        first[3] + second[3],
        first[4] + second[4],
    )
