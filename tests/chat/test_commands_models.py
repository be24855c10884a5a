"""Models, phantoms, proposals, research: honest where there is nothing, complete where there is something."""

import asyncio
from dataclasses import dataclass, field, replace
from decimal import Decimal

import model_kit
import pytest
from command_kit import REGISTRY, Talk, busy_desk, equity_curve, fields, rows
from fakes_desk import NOW

from bot.domain.command import Change, Done
from bot.domain.model import ModelMode
from bot.domain.order import CloseReason
from bot.domain.refusal import Refused
from bot.domain.signal import Side
from bot.ml.card import Card
from handlers.lab import BacktestOrder, BacktestResult, NoLaboratory, Research, Told, Tried, TriedTrade
from handlers.learning import (
    Applied,
    ModelFigures,
    Models,
    ModelView,
    NoProposals,
    Nothing,
    Phantoms,
    Proposal,
    Proposals,
)
from handlers.reply import Attachment, ReliabilityPlot, Reply

EMPTY = [
    ("/ml", "No model is installed: signals pass unfiltered"),
    ("/ml_stats", "No model is installed"),
    ("/ml_rankings", "No model is installed"),
    ("/phantoms", "No signals are followed"),
    ("/phantom_stats", "No signals are followed"),
    ("/clusters", "Symbols have not been grouped yet"),
    ("/proposals", "Nothing waits for approval."),
]
REFUSED = [
    ("/ml_on", "ml: no model is installed; signals pass unfiltered."),
    ("/ml_shadow", "ml: no model is installed; signals pass unfiltered."),
    ("/ml_off xrp", "ml: no model is installed; signals pass unfiltered."),
    ("/ml_threshold 0.6", "ml: no model is installed; signals pass unfiltered."),
    ("/retrain", "Training is not installed on this desk: there is nothing to train."),
    ("/approve p1", "There is no proposal p1; nothing waits."),
    ("/reject p1 no", "There is no proposal p1; nothing waits."),
    ("/backtest btc", "backtests cannot be run from this desk."),
    ("/backtest stop", "You have nothing running."),
    ("/sweep btc", "sweeps cannot be run from this desk."),
    ("/sweep stop", "You have nothing running."),
    ("/propose XRPUSDT-20261121T120000 1", "sweeps cannot be run from this desk."),
]


@pytest.mark.parametrize("line,words", EMPTY)
async def test_what_is_not_there_is_said(line: str, words: str) -> None:
    reply = await Talk(busy_desk(), user="3").say(line)
    assert reply.ok
    assert reply.text.startswith(words)
    assert reply.table is None


@pytest.mark.parametrize("line,words", REFUSED)
async def test_what_cannot_be_done_is_refused_with_the_reason(line: str, words: str) -> None:
    talk = Talk(busy_desk())
    reply = await talk.say(line)
    assert (reply.ok, reply.text) == (False, words)
    assert not any(button.label == "Confirm" for button in reply.buttons)
    assert not talk.desk.asked


def model(symbol: str, mode: ModelMode = ModelMode.ON, auc: float = 0.61, young: str = "") -> ModelView:
    queued = symbol == "ETHUSDT"
    return ModelView(symbol, mode, 0.55, NOW - 86_400_000, 24, auc, 0.58, 0.4, queued, young)


def live(symbol: str, uplift: str | None) -> ModelFigures:
    return ModelFigures(
        symbol=symbol,
        model=f"{symbol}/v0007",
        scored=90,
        passed=40,
        ended=30,
        hit_rate=0.6,
        refused=45 if uplift else 0,
        uplift=Decimal(uplift) if uplift else None,
        late=64,
        drift=0.12,
        worst=("rsi", 0.47),
        warned=("rsi",),
    )


STARTING = ModelFigures("XRPUSDT", "_general/v0001", 3, 1, 0, None, 0, None, 12, None, None, ())


@dataclass
class Shelf(Nothing):
    """Two models."""

    held: tuple[ModelView, ...] = (model("BTCUSDT"), model("ETHUSDT", ModelMode.OFF, auc=0.7))
    known: tuple[ModelFigures, ...] = (live("BTCUSDT", "12.5"), live("ETHUSDT", "-3"))
    asked: list[tuple[object, ...]] = field(default_factory=list)

    def models(self) -> tuple[ModelView, ...]:
        return self.held

    def card(self, symbol: str) -> Card | None:
        return model_kit.card("_general", version="v0007") if symbol == "BTCUSDT" else None

    async def figures(self) -> tuple[ModelFigures, ...]:
        return self.known

    async def uplifts(self) -> dict[str, Decimal | None]:
        return {one.symbol: one.uplift for one in self.known}

    async def switch(self, symbol: str, mode: ModelMode, actor: str) -> Done | Refused:
        self.asked.append((symbol, mode, actor))
        return Done((Change("models", "off", "on"),))

    async def set_threshold(self, symbol: str, threshold: Decimal, actor: str) -> Done | Refused:
        self.asked.append((symbol, threshold, actor))
        return Done((Change("threshold", "0.55", str(threshold)),))


async def test_models_are_shown_and_switched() -> None:
    shelf = Shelf()
    talk = Talk(busy_desk(), context=(Models(shelf),))
    assert (await talk.say("/ml")).title == "Models · 1 of 2 on"
    assert [row["Symbol"] for row in rows(await talk.say("/ml_rankings"))] == ["ETHUSDT", "BTCUSDT"]
    assert [row["Symbol"] for row in rows(await talk.say("/ml_rankings uplift"))] == ["BTCUSDT", "ETHUSDT"]
    card = await talk.say("/ml_on eth")
    assert fields(card) == {"model of ETHUSDT": "off → on"}
    await talk.press(card, "Confirm")
    await talk.confirmed("/ml_threshold btc 0.6")
    await talk.confirmed("/ml_off")
    await talk.confirmed("/ml_shadow btc")
    assert shelf.asked == [
        ("ETHUSDT", ModelMode.ON, "test:1"),
        ("BTCUSDT", Decimal("0.6"), "test:1"),
        ("", ModelMode.OFF, "test:1"),
        ("BTCUSDT", ModelMode.SHADOW, "test:1"),
    ]
    assert "no model" in (await talk.say("/ml_on xrp")).text


async def test_a_young_model_says_that_it_only_shadows() -> None:
    young = "83 of 150 outcomes"
    held = tuple(
        model(name, mode, young=young)
        for name, mode in zip(("BTCUSDT", "ETHUSDT"), (ModelMode.OFF, ModelMode.SHADOW), strict=True)
    )
    talk = Talk(busy_desk(), context=(Models(Shelf(held=(*held, model("XRPUSDT", young=young)))),))
    assert [row["State"] for row in rows(await talk.say("/ml"))] == [
        f"off; {young}",
        f"shadow; {young}",
        f"on; shadow until enough have ended ({young})",
    ]
    card = await talk.say("/ml_on btc")
    assert fields(card) == {"model of BTCUSDT": "off → on"}
    assert f"BTCUSDT only shadows for now: {young}." in card.text
    assert "only shadows for now" not in (await talk.say("/ml_off xrp")).text
    assert not any(one.judges for one in held)
    assert model("BTCUSDT").judges


async def test_models_live_against_what_their_cards_promised() -> None:
    shelf = Shelf(held=(model("BTCUSDT"), model("ETHUSDT", ModelMode.SHADOW), model("XRPUSDT", auc=0.9)))
    shelf.known = (*shelf.known, STARTING, live("SOLUSDT", "1"))
    talk = Talk(busy_desk(), context=(Models(shelf),))
    btc, eth, xrp = rows(await talk.say("/ml_stats"))
    assert btc == {
        "Symbol": "BTCUSDT",
        "Model": "v0007",
        "Scored": "90",
        "Passed": "40",
        "Hit rate (of)": "60.0% (30)",
        "Precision": "58.0%",
        "Refused": "45",
        "Uplift USDT": "+12.50",
        "Drift": "score 0.12, rsi 0.47 !",
    }
    assert eth["Uplift USDT"] == "-3.00"
    assert (xrp["Model"], xrp["Hit rate (of)"]) == ("general v0001", "–")
    assert (xrp["Uplift USDT"], xrp["Drift"]) == ("–", "– (12 signals)")
    ranked = rows(await talk.say("/ml_rankings uplift"))
    assert [row["Symbol"] for row in ranked] == ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
    assert [row["State"] for row in ranked] == ["on", "shadow", "on"]
    assert [row["Symbol"] for row in rows(await talk.say("/ml_rankings"))] == [
        "XRPUSDT",
        "BTCUSDT",
        "ETHUSDT",
    ]


async def test_a_threshold_is_told_in_three_digits() -> None:
    """What training chose is a score with all its digits; what a person asks for is shown as it was typed."""
    chosen = replace(model("BTCUSDT"), threshold=0.016608003564370956)
    talk = Talk(busy_desk(), context=(Models(Shelf(held=(chosen,))),))
    assert [row["Threshold"] for row in rows(await talk.say("/ml"))] == ["0.017"]
    assert fields(await talk.say("/ml btc"))["State"] == "on; passes from 0.017"
    asked = fields(await talk.say("/ml_threshold btc 0.6125"))
    assert asked == {"threshold of BTCUSDT": "0.017 → 0.6125"}


async def test_the_card_of_a_model() -> None:
    shelf = Shelf()
    talk = Talk(busy_desk(), context=(Models(shelf),))
    reply = await talk.say("/ml btc")
    assert reply.title == "Model of BTCUSDT · composite · v0007"
    found = fields(reply)
    assert found["State"] == "on; passes from 0.55"
    assert found["Rows"] == "600 (450 hold, 150 signal); 48.3% reached the target"
    assert found["AUC"] == "0.610 over 1 fold (0.610)"
    assert found["At its threshold"] == "precision 58.0%, recall 40.0%"
    assert found["Ablation"] == "useful: A-C drops 0.02"
    assert found["Advice"] == "shadow"
    assert [(row["Feature"], row["Gain"]) for row in rows(reply)] == [("rsi", "80.6%"), ("adx", "19.4%")]
    assert "It is the model of general: BTCUSDT has none of its own." in reply.text
    assert reply.plot == ReliabilityPlot(((0.4, 0.41, 300), (0.6, 0.58, 300)), 0.55, reply.title)
    assert [button.label for button in reply.buttons] == [
        "Refresh",
        "Only shadow",
        "Switch off",
        "Models",
        "Why",
    ]
    assert "XRPUSDT has no model" in (await talk.say("/ml xrp")).text


@dataclass
class Book(NoProposals):
    """One proposal."""

    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def waiting(self) -> tuple[Proposal, ...]:
        figures, changes = (("Profit factor", "1.1", "1.4"),), (("period of BTCUSDT", "14", "9"),)
        return (
            Proposal(
                "p7", NOW - 60_000, "parameters", "composite on BTC", figures, changes, NOW + 86_400_000
            ),
        )

    async def decided(self, limit: int) -> tuple[Proposal, ...]:
        return (Proposal("p6", NOW - 90_000, "parameters", "older", outcome="was rejected by ann: no"),)

    async def found(self, proposal_id: str, to_apply: bool = False) -> Proposal | Refused:
        if proposal_id != "p7":
            return Refused("proposal", f"there is no proposal {proposal_id}; there are p7")
        return (await self.waiting())[0]

    async def approve(self, proposal_id: str, actor: str, origin: str = "") -> Applied | Refused:
        self.asked.append(("approve", proposal_id, actor))
        return Applied(Done((Change("period of BTCUSDT", "14", "9"),)), 42)

    async def reject(self, proposal_id: str, actor: str, reason: str) -> Done | Refused:
        self.asked.append(("reject", proposal_id, reason))
        return Done()


async def test_a_proposal_is_approved_or_rejected_after_its_figures_were_shown() -> None:
    book = Book()
    talk = Talk(busy_desk(), context=(Proposals(book),))
    shown = await talk.say("/proposals")
    assert [row["Figure"] for row in rows(shown)] == ["period of BTCUSDT", "Profit factor"]
    card = await talk.press(shown, "Approve p7")
    assert fields(card) == {"period of BTCUSDT": "14 → 9"}
    assert rows(card) == [{"Figure": "Profit factor", "Before": "1.1", "After": "1.4"}]
    done = await talk.press(card, "Confirm")
    assert "Undo 42" in [button.label for button in done.buttons]
    asked = await talk.press(shown, "Reject p7")
    assert asked.expects == "Reason"
    await talk.confirmed("/reject p7 too few trades")
    assert book.asked == [("approve", "p7", "test:1"), ("reject", "p7", "too few trades")]
    assert (await talk.say("/approve p8")).text == "There is no proposal p8; there are p7."
    assert rows(await talk.press(shown, "Decided"))[0]["What became of it"] == "was rejected by ann: no"


# --- the laboratory -------------------------------------------------------------------------------------------------


@dataclass
class Mouth:
    """A platform that takes whatever is said."""

    platform: str = "test"
    said: list[Reply] = field(default_factory=list)
    amended: list[Reply] = field(default_factory=list)

    async def say(self, chat_id: str, reply: Reply, silent: bool = False) -> str:
        self.said.append(reply)
        return "m1"

    async def amend(self, chat_id: str, message_id: str, reply: Reply) -> None:
        self.amended.append(reply)


@dataclass
class Lab(NoLaboratory):
    """A laboratory that takes its time."""

    asked: list[BacktestOrder] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: list[str] = field(default_factory=list)

    def strategies(self) -> tuple[str, ...]:
        return ("composite", "mine")

    async def backtest(self, order: BacktestOrder, told: Told) -> BacktestResult | Refused:
        if any(one.user == order.user for one in self.asked):
            return Refused("running", "you have a backtest running; one at a time")
        self.asked.append(order)
        self.begun.set()
        await told(0.5, "")
        await self.go.wait()
        return result(order.way)

    async def stop(self, user: str) -> str:
        self.stopped.append(user)
        return "a backtest" if any(one.user == user for one in self.asked) else ""


def result(way: str) -> BacktestResult:
    first, side = NOW - 30 * 86_400_000, Side.LONG
    last = tuple(
        TriedTrade("BTCUSDT", side, 64_000.0, 64_500.0, first, NOW - 60_000, CloseReason.TP, net, 10.0)
        for net in (24.5, -10.2)
    )
    figures = Tried(2, 1, 14.3, 1.8, 0.0, 2.4, 7.15, 10.2, 0.001, 1.5, 2.0, 3.0, 0.4, 1)
    wallet, end = Decimal(10_000), Decimal(10_288)
    words = ("Funding is left out.",)
    file = Attachment("backtest.html", b"<p>", "text/html")
    return BacktestResult(
        way, "composite", 2880, first, NOW, wallet, end, figures, last, equity_curve(), 1300, words, file
    )


async def test_a_backtest_answers_with_figures_a_curve_and_a_page() -> None:
    lab = Lab()
    lab.go.set()
    talk = Talk(busy_desk(), user="2", context=(Research(lab),))
    reply = await talk.say("/backtest btc 30 mine fast")
    assert lab.asked == [BacktestOrder("BTCUSDT", 30, "mine", "test:2", "fast")]
    shown = fields(reply)
    assert shown["Net"] == "+14.30 USDT after 1.80 USDT of fees, 0.00 USDT of funding"
    assert shown["Start, end"].startswith("10000.00 USDT, 10288.00 USDT (+2.88%)")
    assert reply.plot is not None
    assert reply.file is not None
    assert "Funding is left out." in reply.text
    assert [row["Net USDT"] for row in rows(reply)] == ["-10.20", "+24.50"]
    assert [row["R"] for row in rows(reply)] == ["-1.02", "+2.45"]
    assert "The exact way" in [button.label for button in reply.buttons]


async def test_one_backtest_at_a_time_and_it_can_be_stopped() -> None:
    lab = Lab()
    talk = Talk(busy_desk(), context=(Research(lab),))
    first = asyncio.create_task(talk.say("/backtest btc"))
    await lab.begun.wait()
    second = await talk.say("/backtest eth")
    assert (second.ok, second.text) == (False, "you have a backtest running; one at a time.")
    stopped = await talk.press(second, "Stop it")
    assert stopped.title == "A backtest stopped"
    assert lab.stopped == ["test:1"]
    lab.go.set()
    assert (await first).ok


async def test_an_unknown_strategy_names_those_there_are() -> None:
    talk = Talk(busy_desk(), context=(Research(Lab()),))
    reply = await talk.say("/backtest btc 30 nonsense")
    assert reply.text == "There is no strategy nonsense; there are composite, mine."


def test_the_fakes_are_of_the_kind_that_handlers_ask_for() -> None:
    wanted = {kind for command in REGISTRY for _, kind in command.injected}
    assert {Models, Phantoms, Proposals, Research} <= wanted


async def test_progress_is_one_message_with_a_button_that_stops_it() -> None:
    lab = Lab()
    talk = Talk(busy_desk(), context=(Research(lab),))
    mouth = Mouth()
    talk.dispatcher.speakers["test"] = mouth
    running = asyncio.create_task(talk.say("/backtest btc"))
    await lab.begun.wait()
    await asyncio.sleep(0.01)
    (shown,) = mouth.said
    assert shown.title == "Backtest of BTCUSDT runs"
    assert "50%" in shown.text
    assert (await talk.press(shown, "Stop it")).title == "A backtest stopped"
    lab.go.set()
    await running
