"""Guards: the day's loss, the drawdown, kill switches, halts, the way to liquidation."""

from dataclasses import replace

from desk_story import BAR_MS, DAY, LONG, SHORT, SMOOTH, START_MS, D, Desk, text

from bot.domain.action import RecordDay, RecordHalt, RecordKill
from bot.domain.command import KillNow, ResetKill, SetLimit, Unhalt
from bot.domain.event import QuotesSeen
from bot.domain.guard import HaltKind, KillKind, Limits, Sizing, SizingMode
from bot.domain.market import MINUTE_MS, Quote
from bot.domain.notice import NoticeKind, Severity
from bot.domain.order import CloseReason
from bot.domain.refusal import Refused

LARGE = Sizing(SizingMode.FIXED_NOTIONAL, D(10_000))


def lose(desk: Desk, symbol: str = "XYZ") -> None:
    """One losing round trip, back at 100."""
    desk.enter(symbol, LONG, stop=95, target=110)
    desk.bar(**{symbol: (100, 100, 94, 100)})
    assert desk.trades[-1].net < 0


def win(desk: Desk, symbol: str = "XYZ") -> None:
    desk.enter(symbol, LONG, stop=95, target=110)
    desk.bar(**{symbol: (100, 111, 100, 100)})
    assert desk.trades[-1].net > 0


# --- the day ------------------------------------------------------------------------------------------------------


def test_the_open_loss_counts_and_the_breach_stands_until_midnight() -> None:
    """Long 10,000 of equity 10,000: the fee of 4 and -4.96 % are exactly the limit of 5 %."""
    desk = Desk("XYZ", "ABC", sizing=LARGE)
    desk.enter("XYZ", LONG, stop=80, target=130)
    assert text(desk.state.day_pnl()) == "-4"
    desk.bar(XYZ=95.05)
    assert not desk.state.day.breached
    desk.bar(XYZ=95.04)
    assert desk.state.day.breached
    assert text(desk.state.day_pnl()) == "-500"
    (notice,) = desk.notices(NoticeKind.DAILY_LOSS)
    assert notice.severity is Severity.CRITICAL
    desk.bar(XYZ=110)
    assert desk.state.day.breached, "within a day the breach stands"
    desk.enter("ABC", SHORT, stop=105, target=90)
    assert desk.refusals()[-1] == "daily loss"
    assert desk.size("XYZ") == 100, "exits and protection go on, nothing is closed by it"
    desk.bars(50)
    assert desk.state.day.day == START_MS // DAY + 1
    desk.enter("ABC", SHORT, stop=105, target=90)
    assert desk.refusals()[-1] != "daily loss"
    assert len(desk.notices(NoticeKind.DAILY_LOSS)) == 1


def test_what_was_open_at_midnight_does_not_count_twice() -> None:
    """-4 % was lost yesterday and is still open; today begins at zero and ends there when closed at that price."""
    desk = Desk(sizing=LARGE, at_ms=START_MS // DAY * DAY + DAY - 3 * BAR_MS)
    desk.enter("XYZ", LONG, stop=80, target=130)
    desk.bar(XYZ=96)
    assert text(desk.state.day_pnl()) == "-404"
    desk.bar()
    assert desk.state.day.day == START_MS // DAY + 1
    assert text(desk.state.day_pnl()) == "0"
    assert text(desk.state.day.start_equity) == "9596"
    from bot.domain.command import ClosePosition

    desk.ask(ClosePosition("XYZ"))
    assert text(desk.state.day_pnl()) == "-3.84"


def test_without_open_losses_only_what_is_realised_counts() -> None:
    desk = Desk(
        sizing=LARGE,
        leverage=2,
        rules=replace(SMOOTH, default_leverage=2),
        limits=Limits(count_open_loss=False),
    )
    desk.enter("XYZ", LONG, stop=80, target=130)
    desk.bar(XYZ=90)
    assert not desk.state.day.breached
    desk.bar(XYZ=(90, 90, 79, 80))
    assert desk.state.day.breached


def test_a_breach_between_two_bars_stands() -> None:
    """The stop takes 5.04 % within the bar; at the close another gain hides it: it was breached all the same."""
    desk = Desk("AAA", "BBB", sizing=LARGE)
    desk.says("AAA", LONG, stop=95, target=130).says("BBB", LONG, stop=80, target=130).bar()
    desk.bar(AAA=(100, 100, 94, 96), BBB=(100, 108, 100, 108))
    assert text(desk.state.day_pnl()) == "288.2"  # -500 - 3 x 4 + 0.2 + 800
    assert desk.state.day.breached


def test_the_breach_is_recorded_once_and_survives() -> None:
    desk = Desk(sizing=LARGE)
    desk.enter("XYZ", LONG, stop=80, target=130)
    actions = desk.bar(XYZ=94)
    days = [a.figures for a in actions if isinstance(a, RecordDay)]
    assert [figures.breached for figures in days] == [True]


def test_a_lower_limit_bites_at_once_and_a_higher_one_does_not_lift() -> None:
    desk = Desk(sizing=LARGE)
    desk.enter("XYZ", LONG, stop=80, target=130)
    desk.bar(XYZ=98)
    desk.ask(SetLimit("daily_loss_percent", D(1)))
    assert desk.state.day.breached
    desk.ask(SetLimit("daily_loss_percent", D(50)))
    assert desk.state.day.breached


# --- drawdown -----------------------------------------------------------------------------------------------------


def test_the_drawdown_halts_until_an_admin_lifts_it() -> None:
    desk = Desk("XYZ", "ABC", sizing=LARGE, limits=Limits(drawdown_percent=D(10), daily_loss_percent=D(0)))
    desk.enter("XYZ", LONG, stop=80, target=130)
    desk.bar(XYZ=110)
    assert text(desk.state.equity_high) == "10996"
    desk.bar(XYZ=98)  # 9796 is 10.9 % below 10,996
    (halt,) = desk.state.halts
    assert (halt.kind, halt.symbol, halt.until_ms) == (HaltKind.DRAWDOWN, "", 0)
    desk.enter("ABC", SHORT, stop=105, target=90)
    assert desk.refusals()[-1] == "symbol"
    desk.bars(100)
    assert len(desk.state.halts) == 1
    desk.ask(Unhalt())
    assert desk.state.halts == []
    assert text(desk.state.equity_high) == "9796", "measured anew from here"
    desk.enter("ABC", SHORT, stop=105, target=90)
    assert desk.refusals()[-1] == ""


def test_the_equity_high_follows_small_steps() -> None:
    desk = Desk(sizing=LARGE)
    desk.enter("XYZ", LONG, stop=80, target=130)
    for price in (100.05, 100.1, 100.15, 100.2, 100.25, 100.1):
        desk.bar(XYZ=price)
    assert text(desk.state.equity_high) == "10021"
    assert desk.state.recorded_high > 10_000


def test_money_that_comes_or_goes_is_neither_gain_nor_drawdown() -> None:
    """3,000 are withdrawn: a difference of the wallet, no loss of the day, no drawdown."""
    desk = Desk()
    desk.matching._account.wallet -= 3000
    desk.sane = False
    desk.reconcile()
    desk.bar()
    assert (desk.state.wallet, desk.state.day_pnl(), desk.state.equity_high) == (7000, 0, 7000)
    assert desk.state.halts == []
    assert desk.notices(NoticeKind.DIFFERENCE)


# --- kill switches ------------------------------------------------------------------------------------------------


def test_eight_losses_running_kill_the_symbol() -> None:
    desk = Desk("XYZ", "ABC")
    for _ in range(7):
        lose(desk)
    assert desk.of().kill is None
    lose(desk)
    kill = desk.of().kill
    assert kill is not None
    assert (kill.kind, kill.figures) == (KillKind.FAST, "8 losses running, limit 8")
    assert desk.notices(NoticeKind.KILL)[0].severity is Severity.CRITICAL
    desk.enter("XYZ", LONG, stop=95, target=110)
    desk.enter("ABC", LONG, stop=95, target=110)
    assert desk.refusals()[-2:] == ["symbol", ""]


def test_a_win_in_between_starts_the_run_anew() -> None:
    desk = Desk()
    for _ in range(7):
        lose(desk)
    win(desk)
    lose(desk)
    assert desk.of().kill is None


def test_a_loss_is_net_of_fees_and_funding() -> None:
    """+0.50 gross is a loss after 0.80 of fees."""
    desk = Desk(limits=Limits(kill_losing_run=1))
    desk.enter("XYZ", LONG, stop=95, target=100.05)
    desk.bar(XYZ=(100, 100.1, 100, 100))
    assert text(desk.trades[0].gross) == "0.5"
    assert desk.of().kill is not None


def test_a_poor_profit_factor_of_fifteen_kills() -> None:
    """Win 99.16, loss 50.78: 4 wins and 11 losses are 396.64 / 558.58 = 0.71."""
    desk = Desk(limits=Limits(kill_losing_run=0, daily_loss_percent=D(0)))
    for index in range(15):
        assert desk.of().kill is None
        (win if index % 4 == 0 else lose)(desk)
    kill = desk.of().kill
    assert kill is not None
    assert (kill.kind, kill.figures) == (
        KillKind.SLOW,
        "profit factor 0.71 of the last 15 trades, limit 0.75",
    )


def test_without_losses_nobody_is_killed() -> None:
    desk = Desk()
    for _ in range(16):
        win(desk)
    assert desk.of().kill is None


def test_reset_kill_starts_the_counters_anew() -> None:
    desk = Desk(limits=Limits(kill_losing_run=2))
    lose(desk)
    lose(desk)
    assert isinstance(desk.ask(ResetKill("XYZ", "  ")), Refused)
    assert desk.of().kill is not None
    desk.ask(ResetKill("XYZ", "looked at it"))
    assert desk.of().kill is None
    lose(desk)
    assert desk.of().kill is None
    lose(desk)
    assert desk.of().kill is not None


def test_kill_now_is_a_latch_and_exits_go_on() -> None:
    desk = Desk("XYZ", "ABC")
    desk.enter("XYZ", LONG, stop=95, target=110)
    actions = len(desk.actions)
    desk.ask(KillNow("XYZ"))
    desk.ask(KillNow("XYZ"))
    assert sum(isinstance(a, RecordKill) for a in desk.actions[actions:]) == 1
    desk.bar(XYZ=(100, 111, 100, 110))
    assert desk.trades[0].reason is CloseReason.TP
    desk.ask(KillNow())
    assert desk.of("ABC").kill is not None
    assert isinstance(desk.ask(KillNow("NOPE")), Refused)


def test_a_persons_own_trades_kill_nothing() -> None:
    from desk_story import BUY, SELL

    desk = Desk(limits=Limits(kill_losing_run=1, consecutive_losses=1))
    desk.person("XYZ", BUY, 3)
    desk.bar(XYZ=98)
    desk.person("XYZ", SELL, 3)
    assert desk.trades[0].net < 0
    assert desk.of().kill is None
    assert [h.kind for h in desk.state.halts] == [HaltKind.FOREIGN]


# --- halts --------------------------------------------------------------------------------------------------------


def test_losses_running_over_all_symbols_halt_all() -> None:
    desk = Desk("AAA", "BBB", limits=Limits(consecutive_losses=2))
    lose(desk, "AAA")
    lose(desk, "BBB")
    assert [(h.kind, h.symbol) for h in desk.state.halts] == [(HaltKind.LOSSES, "")]


def quote(desk: Desk, price: float) -> None:
    at_ms = desk.venue.now_ms
    desk.feed(QuotesSeen(at_ms, (Quote("XYZ", at_ms, price, price, price, price),)))


def test_a_sudden_move_halts_for_ten_minutes() -> None:
    desk = Desk(limits=Limits(volatility_percent=D(2)))
    quote(desk, 100)
    quote(desk, 101.9)
    assert desk.state.halts == []
    quote(desk, 104)
    (halt,) = desk.state.halts
    assert (halt.kind, halt.until_ms - halt.at_ms) == (HaltKind.VOLATILITY, 10 * MINUTE_MS)
    desk.enter("XYZ", LONG, stop=95, target=110)
    assert desk.state.halts == [], "fifteen minutes later it is over"
    assert desk.refusals() == [""]
    lifted = [a for a in desk.actions if isinstance(a, RecordHalt) and a.lifted_at_ms]
    assert len(lifted) == 1


def test_a_balance_below_the_minimum_halts() -> None:
    desk = Desk(wallet=100, limits=Limits(min_balance=D(60), daily_loss_percent=D(0), drawdown_percent=D(0)))
    desk.enter("XYZ", LONG, stop=90, target=110)
    desk.bar(XYZ=(100, 100, 89, 90))
    desk.bar()
    assert [h.kind for h in desk.state.halts] == [HaltKind.LOW_BALANCE]


def test_unhalt_is_for_one_symbol_or_for_all() -> None:
    desk = Desk("XYZ", "ABC", limits=Limits(volatility_percent=D(2)))
    quote(desk, 100)
    quote(desk, 104)
    desk.ask(Unhalt("ABC"))
    assert len(desk.state.halts) == 1
    desk.ask(Unhalt("XYZ"))
    assert desk.state.halts == []
    assert isinstance(desk.ask(Unhalt("NOPE")), Refused)


# --- liquidation --------------------------------------------------------------------------------------------------


def leveraged(**limits: object) -> Desk:
    """Leverage 50: liquidated 1.01 below an entry at 100 (margin 2 %, maintenance 1 %): 98 / 0.99 = 98.99."""
    return Desk(leverage=50, rules=replace(SMOOTH, default_leverage=50), limits=Limits(**limits))


def test_half_way_to_liquidation_is_a_warning_once() -> None:
    desk = leveraged()
    desk.enter("XYZ", LONG, stop=90, target=120)
    desk.bar(XYZ=99.6)
    assert desk.notices(NoticeKind.LIQUIDATION) == []
    desk.bar(XYZ=99.4)
    desk.bar(XYZ=99.3)
    (notice,) = desk.notices(NoticeKind.LIQUIDATION)
    assert notice.severity is Severity.CRITICAL
    assert "59% of the way to liquidation at 98.99" in notice.title
    desk.bar(XYZ=100)
    desk.bar(XYZ=99.4)
    assert len(desk.notices(NoticeKind.LIQUIDATION)) == 2


def test_far_on_the_way_it_reduces_when_told_to() -> None:
    desk = leveraged(auto_reduce=True)
    desk.enter("XYZ", LONG, stop=90, target=120)
    desk.bar(XYZ=99.15)
    assert desk.size() == 5
    assert "stop" in desk.resting()
    quiet = leveraged()
    quiet.enter("XYZ", LONG, stop=90, target=120)
    quiet.bar(XYZ=99.15)
    assert quiet.size() == 10


def test_our_liquidation_price_is_the_venues() -> None:
    from bot.engine.margin import liquidation_price

    desk = leveraged()
    for side, stop, target in ((LONG, 90, 120), (SHORT, 110, 80)):
        desk.enter("XYZ", side, stop=stop, target=target)
        ours = liquidation_price(desk.of().position, 50, desk.instruments["XYZ"])
        theirs = desk.matching.liquidation_price("XYZ")
        assert ours is not None
        assert abs(ours - theirs) < D("1e-9")
