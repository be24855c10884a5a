"""By a person's hand: entries with every gate, leverage, dry runs, drills, what to do about differences."""

from dataclasses import replace
from decimal import Decimal

import pytest
from command_kit import Talk, busy_desk, empty_desk, fields, page, rows
from fakes_desk import NOW, FakeDesk

from bot.domain.command import Adopt, AttachStop, ChangeLeverage, Ignore, OpenPosition, Reconcile
from bot.domain.notice import Severity
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.engine.views import DifferenceView

TWO = Decimal(2)


def strange() -> FakeDesk:
    """A desk at whose venue somebody else holds XRP, and where a stop was put back."""
    waiting = DifferenceView(
        NOW - 300_000,
        "XRPUSDT",
        "foreign_position",
        "none",
        "LONG 120.0",
        "",
        ("adopt", "close", "stop", "ignore"),
    )
    settled = DifferenceView(NOW, "BTCUSDT", "stop_missing", "stop at 62335.8", "none", "placed again")
    return replace(busy_desk(), found=(waiting, settled))


async def test_a_long_shows_everything_before_it_is_confirmed() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/long xrp 10")
    assert card.title == "LONG XRPUSDT?"
    assert fields(card) == {
        "Entry": "about 0.5312 at market",
        "Stop": "0.5206 (2.00% away)",
        "Target": "0.5524 (2.00 R)",
        "Size": "941.2 XRP, bound by risk usd",
        "Notional": "499.97 USDT",
        "Margin": "99.99 USDT at 5x",
        "At risk": "10.00 USDT at the stop (0.10% of equity), costs included",
        "Fees": "-0.40 USDT for entry and exit",
        "Strategy": "composite",
    }
    assert [row["Gate"] for row in rows(card)] == ["trading state", "max positions", "free margin"]
    assert not talk.desk.asked
    done = await talk.press(card, "Confirm")
    assert talk.desk.asked == [(OpenPosition("XRPUSDT", Side.LONG, Decimal(10)), "test:1")]
    assert done.title == "LONG XRPUSDT: order sent"
    assert [(one.name, one.before, one.after) for one in done.changes] == [
        ("XRPUSDT position", "flat", "LONG entry sent")
    ]


async def test_a_short_is_the_other_side() -> None:
    card = await Talk(busy_desk()).say("/short xrp")
    assert card.title == "SHORT XRPUSDT?"
    assert fields(card)["Stop"] == "0.5418 (2.00% away)"


async def test_an_entry_that_a_gate_refuses_is_not_asked_about() -> None:
    talk = Talk(replace(busy_desk(), entry_refused_by="max_positions"))
    card = await talk.say("/long xrp")
    assert (card.ok, card.text) == (False, "refused by max positions: 3 of 3 open.")
    assert not any(button.label == "Confirm" for button in card.buttons)
    assert not talk.desk.asked


async def test_a_gate_that_closes_between_card_and_confirmation_stops_the_entry() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/long xrp")
    talk.desk.entry_refused_by = "max_positions"
    answer = await talk.press(card, "Confirm")
    assert not answer.ok
    assert not talk.desk.asked


async def test_a_price_that_ran_away_asks_again() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/long xrp")
    talk.desk.marks = {**talk.desk.marks, "XRPUSDT": Decimal("0.56")}
    again = await talk.press(card, "Confirm")
    assert not talk.desk.asked
    assert "The figures changed" in again.text


async def test_an_entry_without_a_bar_says_so() -> None:
    talk = Talk(replace(empty_desk(), marks={}))
    assert (await talk.say("/long btc")).text == "history: BTCUSDT has no closed bar yet."


async def test_leverage_reads_without_asking_and_sets_after_a_card() -> None:
    talk = Talk(busy_desk(), user="2")
    shown = await talk.say("/leverage btc")
    assert fields(shown)["Set to"] == "5x"
    assert not any(button.label == "Confirm" for button in shown.buttons)
    card = await talk.press(shown, "3x")
    assert fields(card)["leverage of BTCUSDT"] == "5x → 3x"
    assert "may refuse less leverage" in card.text
    assert "may refuse" not in (await talk.say("/leverage btc 7")).text
    assert "margin 3180.40 USDT → 5300.67 USDT" in card.text
    assert "liquidation 52158.6 → 46942.7" in card.text
    assert "The next BTCUSDT trade: 0.015 BTC" in card.text
    await talk.press(card, "Confirm")
    assert talk.desk.asked == [(ChangeLeverage("BTCUSDT", 3), "test:2")]
    assert fields(await talk.say("/leverage btc"))["Set to"] == "3x"


async def test_leverage_above_the_venues_is_refused_with_figures() -> None:
    reply = await Talk(busy_desk()).say("/leverage btc 50")
    assert (reply.ok, reply.text) == (False, "leverage: BTCUSDT: at most 20x at the venue, not 50x.")


# --- dry ------------------------------------------------------------------------------------------------------------


async def test_dry_lists_the_calls_and_makes_none() -> None:
    talk = Talk(busy_desk())
    reply = await talk.say("/dry /close btc 50")
    assert [row["Call"] for row in rows(reply)] == ["submit", "cancel", "snapshot"]
    assert reply.title == "Dry run of /close BTCUSDT 50 · 3 venue calls"
    assert not talk.desk.asked
    assert not reply.changes


@pytest.mark.parametrize(
    "line",
    [
        "status",
        "/notify exit quiet",
        "export trades",
        "/help",
        "/logs",
        "/shutdown",
        "/run_job digest",
        "/pause btc",
    ],
)
async def test_dry_of_what_calls_no_venue_says_so_and_does_nothing(line: str) -> None:
    talk = Talk(busy_desk())
    reply = await talk.say(f"/dry {line}")
    assert "no venue call" in reply.text.casefold(), page(reply)
    assert not talk.desk.asked
    assert not talk.desk.wishes
    assert not talk.desk.paused_all
    assert talk.desk.paused == ("ETHUSDT",)


async def test_dry_of_a_refused_command_gives_the_reason() -> None:
    reply = await Talk(busy_desk()).say("/dry close xrp")
    assert "It would be refused" in reply.text
    assert "XRPUSDT has no open position" in reply.text


@pytest.mark.parametrize(
    "line,words",
    [
        ("/dry clsoe btc", "no command /clsoe for you"),
        ("/dry /close", "which symbol?"),
        ("/dry /close btc 500", "percent must be"),
    ],
)
async def test_dry_of_a_slip_is_a_slip(line: str, words: str) -> None:
    reply = await Talk(busy_desk()).say(line)
    assert not reply.ok
    assert words in reply.text


async def test_dry_reaches_no_further_than_the_role() -> None:
    talk = Talk(busy_desk(), user="2")
    reply = await talk.say("/dry /set_limit max_positions 9")
    assert not reply.ok
    assert "no command /set_limit for you" in reply.text


# --- drill ----------------------------------------------------------------------------------------------------------


async def test_a_drill_takes_a_flat_symbol_and_reports_the_times() -> None:
    talk = Talk(busy_desk())
    card = await talk.say("/drill")
    assert card.title == "Drill the panic path on XRPUSDT?"
    done = await talk.press(card, "Confirm")
    assert done.title == "Drill on XRPUSDT: flat after 520 ms"
    assert fields(done)["Fill to confirmed stop"] == "260 ms"
    assert fields(done)["Trading after"] == "active"


async def test_a_drill_is_refused_on_a_held_symbol_and_with_real_money() -> None:
    assert "BTCUSDT has an open position" in (await Talk(busy_desk()).say("/drill btc")).text
    live = await Talk(replace(busy_desk(), mode="live")).say("/drill xrp")
    assert (live.ok, live.text) == (
        False,
        "A drill is refused with real money: it opens and panic-closes a position.",
    )


# --- differences ----------------------------------------------------------------------------------------------------


async def test_reconcile_lists_differences_with_what_one_may_do() -> None:
    talk = Talk(strange(), user="2")
    reply = await talk.say("/reconcile")
    assert talk.desk.asked == [(Reconcile(), "test:2")]
    assert reply.title == "Reconciled · 2 differences"
    assert [row["You may"] for row in rows(reply)] == ["adopt, close, attach stop, ignore", "settled"]
    assert [button.command_line for button in reply.buttons][1:5] == [
        "/adopt XRPUSDT", "/close XRPUSDT", "/attach_stop XRPUSDT", "/ignore XRPUSDT",
    ]  # fmt: skip
    assert reply.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "label,wanted",
    [
        ("Adopt XRPUSDT", Adopt("XRPUSDT")),
        ("Attach stop XRPUSDT", AttachStop("XRPUSDT")),
        ("Ignore XRPUSDT", Ignore("XRPUSDT")),
    ],
)
async def test_each_choice_asks_and_then_acts(label: str, wanted: object) -> None:
    talk = Talk(strange())
    card = await talk.press(await talk.say("/reconcile"), label)
    assert any("→" in value for _, value in card.fields)
    await talk.press(card, "Confirm")
    assert talk.desk.asked[-1] == (wanted, "test:1")


async def test_a_stop_may_be_given_its_price() -> None:
    talk = Talk(strange())
    await talk.confirmed("/attach_stop xrp 0.5")
    assert talk.desk.asked == [(AttachStop("XRPUSDT", Decimal("0.5")), "test:1")]


@pytest.mark.parametrize(
    "line,words",
    [
        ("/adopt btc", "BTCUSDT is settled, or that cannot be done there. Waiting: XRPUSDT"),
        ("/ignore eth", "There is no difference on ETHUSDT. Waiting: XRPUSDT"),
        ("/attach_stop doge", "There is no difference on DOGE. Waiting: XRPUSDT"),
    ],
)
async def test_a_choice_where_there_is_none_names_what_waits(line: str, words: str) -> None:
    talk = Talk(strange())
    reply = await talk.say(line)
    assert not reply.ok
    assert reply.text.startswith(words)
    assert not talk.desk.asked


async def test_a_refused_comparison_is_one_line() -> None:
    talk = Talk(replace(strange(), refuses=Refused("link", "the venue does not answer")))
    reply = await talk.say("/reconcile")
    assert (reply.ok, reply.text) == (False, "link: the venue does not answer.")
