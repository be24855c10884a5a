"""Models: how good they are, switched on and off; honest where there are none."""

from decimal import Decimal
from typing import Annotated, Literal

from bot.domain.command import Change
from bot.domain.model import ModelMode
from bot.runtime.desk import Desk
from handlers.cards import answered, clock, no, proposed, table
from handlers.command import Actor, Confirm, Example, Help, Range, Role, SymbolName, command
from handlers.format import UNKNOWN, number, plain, share
from handlers.learning import NO_MODEL, UNFILTERED, Models, ModelView
from handlers.model_card import card_reply, state_of, threshold_of
from handlers.reply import Button, Reply

ALL = "all"
EMPTY = Models()
BACK = (Button("Models", "/ml"),)

Which = SymbolName | Literal["all"]


@command(area="models", role=Role.VIEWER)
async def ml(desk: Desk, symbol: SymbolName | None = None, models: Models = EMPTY) -> Reply:
    """Models in use: age, features, quality, threshold, on or off; of one symbol its whole card."""
    found = models.shelf.models()
    if symbol is not None:
        return _card(desk, models, symbol)
    on = sum(one.mode is ModelMode.ON for one in found)
    columns = "Symbol | State | >Age | >Features | >AUC | >Precision | >Recall | >Threshold | Training"
    return Reply(
        title=f"Models · {on} of {len(found)} on" if found else "Models · none",
        table=table(columns, (_model_row(desk, one) for one in found)),
        text="A signal passes when its score reaches the threshold." if found else UNFILTERED,
        buttons=(Button("Refresh", "/ml"), Button("Statistics", "/ml_stats"), Button("Signals", "/signals")),
    )


def _card(desk: Desk, models: Models, symbol: str) -> Reply:
    view = next((one for one in models.shelf.models() if one.symbol == symbol), None)
    card = models.shelf.card(symbol)
    return _none(models, symbol) if view is None or card is None else card_reply(desk, view, card)


def _model_row(desk: Desk, one: ModelView) -> tuple[str, ...]:
    return (
        one.symbol,
        state_of(one),
        clock(desk).age(one.trained_at_ms),
        str(one.features),
        number(one.auc, 3),
        share(one.precision),
        share(one.recall),
        threshold_of(one),
        "queued" if one.queued else UNKNOWN,
    )


def _chosen(symbol: str) -> str:
    return "" if symbol == ALL else symbol


def _meant(models: Models, symbol: str) -> list[ModelView]:
    return [one for one in models.shelf.models() if symbol in (ALL, one.symbol)]


async def preview_on(desk: Desk, symbol: str = ALL, models: Models = EMPTY) -> Reply:
    """The card before /ml_on."""
    return _switch_card(models, symbol, ModelMode.ON)


async def preview_shadow(desk: Desk, symbol: str = ALL, models: Models = EMPTY) -> Reply:
    """The card before /ml_shadow."""
    return _switch_card(models, symbol, ModelMode.SHADOW)


async def preview_off(desk: Desk, symbol: str = ALL, models: Models = EMPTY) -> Reply:
    """The card before /ml_off."""
    return _switch_card(models, symbol, ModelMode.OFF)


EFFECTS = {
    ModelMode.ON: "only signals that reach their threshold are traded",
    ModelMode.SHADOW: "scores are noted and refuse nothing",
    ModelMode.OFF: "signals pass unfiltered",
}


def _switch_card(models: Models, symbol: str, mode: ModelMode) -> Reply:
    meant = _meant(models, symbol)
    if not meant:
        return _none(models, symbol)
    changes = [Change(f"model of {one.symbol}", one.mode.value, mode.value) for one in meant]
    text = f"From the next bar on {EFFECTS[mode]}. Open trades are not touched."
    young = [f"{one.symbol} only shadows for now: {one.young}." for one in meant if one.young]
    asked = "Let models only shadow?" if mode is ModelMode.SHADOW else f"Switch models {mode.value}?"
    return proposed(asked, changes, "\n".join([text, *(young if mode is ModelMode.ON else [])]))


def _none(models: Models, symbol: str) -> Reply:
    """Why nothing can be switched."""
    others = [one.symbol for one in models.shelf.models()]
    if not others:
        return no(f"ml: {NO_MODEL}.", Button("Models", "/ml"))
    return no(f"{symbol} has no model. There are models of {', '.join(others)}.")


@command(area="models", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_on)
async def ml_on(desk: Desk, actor: Actor, symbol: Which = ALL, models: Models = EMPTY) -> Reply:
    """Let the models judge signals, of one symbol or of all."""
    return answered(
        "Models switched on", await models.shelf.switch(_chosen(symbol), ModelMode.ON, actor.id), buttons=BACK
    )


@command(area="models", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_shadow)
async def ml_shadow(desk: Desk, actor: Actor, symbol: Which = ALL, models: Models = EMPTY) -> Reply:
    """Let the models score signals without refusing any, of one symbol or of all."""
    answer = await models.shelf.switch(_chosen(symbol), ModelMode.SHADOW, actor.id)
    return answered("Models only shadow", answer, buttons=BACK)


@command(area="models", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_off)
async def ml_off(desk: Desk, actor: Actor, symbol: Which = ALL, models: Models = EMPTY) -> Reply:
    """Let signals pass without a model's judgement, of one symbol or of all."""
    return answered(
        "Models switched off",
        await models.shelf.switch(_chosen(symbol), ModelMode.OFF, actor.id),
        buttons=BACK,
    )


Threshold = Annotated[Decimal | None, Range("0.01", "0.99"), Help("score that passes"), Example("0.6")]
WHICH_THRESHOLD = "Which threshold? For example /ml_threshold 0.6, or of one symbol /ml_threshold XRP 0.6"


async def preview_threshold(
    desk: Desk, symbol: str = ALL, threshold: Decimal | None = None, models: Models = EMPTY
) -> Reply:
    """The card before /ml_threshold."""
    meant = _meant(models, symbol)
    if not meant:
        return _none(models, symbol)
    if threshold is None:
        return no(WHICH_THRESHOLD)
    changes = [Change(f"threshold of {one.symbol}", threshold_of(one), plain(threshold)) for one in meant]
    return proposed(
        "Change the threshold?", changes, "It counts from the next bar on. Open trades are not touched."
    )


@command(area="models", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_threshold)
async def ml_threshold(
    desk: Desk, actor: Actor, symbol: Which = ALL, threshold: Threshold = None, models: Models = EMPTY
) -> Reply:
    """The model score from which a signal passes, of one symbol or of all."""
    if threshold is None:
        return no(WHICH_THRESHOLD)
    answer = await models.shelf.set_threshold(_chosen(symbol), threshold, actor.id)
    return answered("Threshold changed", answer, buttons=BACK)
