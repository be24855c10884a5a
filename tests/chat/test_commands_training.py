"""/retrain: asked for once, shown while it runs, stopped without a question, what comes of it waits for approval."""

from dataclasses import dataclass, field

from command_kit import Talk, busy_desk, fields, rows
from fakes_desk import NOW

from bot.domain.refusal import Refused
from handlers.lab import Told
from handlers.learning import Proposal
from handlers.trainer import NOT_INSTALLED, NoTrainer, Trained, Training, TrainOrder

FIGURES = (("AUC", "0.610", "0.640"), ("Rows", "600", "700"))
CHANGES = (("model of composite/BTCUSDT", "v0002", "v0003"),)


def filed(symbol: str, number: int = 1) -> Proposal:
    title = f"model composite/{symbol} v0003"
    return Proposal(f"p{number}", NOW, "model", title, FIGURES, CHANGES, NOW + 86_400_000)


@dataclass
class Trainer(NoTrainer):
    """Answers what it was given."""

    answer: tuple[Trained, ...] | Refused = ()
    running: str = ""
    asked: list[TrainOrder] = field(default_factory=list)
    installed = True

    async def train(self, order: TrainOrder, told: Told) -> tuple[Trained, ...] | Refused:
        self.asked.append(order)
        await told(0.5, "fold 3")
        return self.answer

    async def stop(self, user: str) -> str:
        return self.running


async def test_one_symbol_is_trained_and_its_version_waits() -> None:
    answer = (Trained("BTCUSDT", "v0003", filed("BTCUSDT"), ("Candles: imported ones.",)),)
    trainer = Trainer(answer)
    talk = Talk(busy_desk(), context=(Training(trainer),))
    card = await talk.say("/retrain btc")
    assert card.title == "Train the model of BTCUSDT?"
    assert not trainer.asked
    reply = await talk.press(card, "Confirm")
    assert trainer.asked == [TrainOrder(("BTCUSDT",), "test:1")]
    assert reply.title == "Proposal p1: model composite/BTCUSDT v0003"
    assert [(row["Figure"], row["Before"], row["After"]) for row in rows(reply)] == [*CHANGES, *FIGURES]
    assert reply.text.startswith("Candles: imported ones.\nIt waits for an admin until ")
    assert [button.label for button in reply.buttons] == ["Approve p1", "Reject p1", "Proposals", "Models"]


async def test_too_few_rows_are_one_clear_line() -> None:
    trainer = Trainer((Trained("BTCUSDT", fault="12 signals of BTCUSDT; at least 40 are needed"),))
    talk = Talk(busy_desk(), context=(Training(trainer),))
    reply = await talk.confirmed("/retrain btc")
    assert (reply.ok, reply.text) == (False, "BTCUSDT: 12 signals of BTCUSDT; at least 40 are needed.")


async def test_all_symbols_are_trained_in_their_order_and_each_is_told() -> None:
    desk = busy_desk()
    symbols = tuple(desk.instruments)
    found = tuple(
        Trained(one, "v0003", filed(one, place)) if place % 2 else Trained(one, fault="too few rows")
        for place, one in enumerate(symbols)
    )
    trainer = Trainer(found[:-1])
    talk = Talk(desk, context=(Training(trainer),))
    card = await talk.say("/retrain")
    assert card.title == f"Train the model of every symbol ({len(symbols)})?"
    reply = await talk.press(card, "Confirm")
    assert trainer.asked == [TrainOrder(symbols, "test:1")]
    assert [row["Symbol"] for row in rows(reply)] == list(symbols[:-1])
    assert rows(reply)[0]["Result"] == "too few rows"
    assert rows(reply)[1]["Proposal"] == "p1"
    assert reply.text == "It was stopped: 1 symbol not trained. Nothing counts before an admin approves it."


async def test_it_is_stopped_without_a_question() -> None:
    talk = Talk(busy_desk(), context=(Training(Trainer(running="a training")),))
    reply = await talk.say("/retrain stop")
    assert reply.title == "A training stopped"
    assert not any(button.label == "Confirm" for button in reply.buttons)
    assert (await Talk(busy_desk(), context=(Training(Trainer()),)).say("/retrain stop")).text == (
        "You have nothing running."
    )


async def test_what_is_refused_is_said_with_its_reason() -> None:
    refusals = {
        "running": "you have a backtest running; one at a time",
        "stopped": "it was stopped",
        "died": "a training failed before its end; nothing of it is kept",
    }
    for rule, words in refusals.items():
        talk = Talk(busy_desk(), context=(Training(Trainer(Refused(rule, words))),))
        reply = await talk.confirmed("/retrain btc")
        assert (reply.ok, reply.text) == (False, f"{words}.")
        assert ("Stop it" in [button.label for button in reply.buttons]) == (rule == "running")


async def test_where_nothing_can_be_trained_nothing_is_asked() -> None:
    reply = await Talk(busy_desk()).say("/retrain xrp")
    assert (reply.ok, reply.text) == (False, NOT_INSTALLED)
    assert not fields(reply)


async def test_only_an_admin_may() -> None:
    for line in ("/retrain btc", "/retrain stop"):
        trainer = Trainer(running="a training")
        reply = await Talk(busy_desk(), user="2", context=(Training(trainer),)).say(line)
        assert not reply.ok
        assert not trainer.asked
