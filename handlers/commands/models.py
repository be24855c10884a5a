"""Models: how good they are, switched on and off; honest where there are none."""

from decimal import Decimal
from typing import Annotated, Literal

from bot.domain.command import Change
from bot.runtime.desk import Desk
from handlers.cards import answered, clock, no, proposed, table
from handlers.command import Actor, Confirm, Example, Help, Range, Role, SymbolName, command
from handlers.format import UNKNOWN, amount, number, plain, share
from handlers.learning import NO_MODEL, Models, ModelView
from handlers.model_card import card_reply
from handlers.reply import Button, Reply

ALL = "all"
EMPTY = Models()
BACK = (Button("Models", "/ml"),)
UNFILTERED = "No model is installed: signals pass unfiltered, and decisions carry no model score."

Which = SymbolName | Literal["all"]


@command(area="models", role=Role.VIEWER)
async def ml(desk: Desk, symbol: SymbolName | None = None, models: Models = EMPTY) -> Reply:
    """Models in use: age, features, quality, threshold, on or off; of one symbol its whole card."""
    found = models.shelf.models()
    if symbol is not None:
        return _card(desk, models, symbol)
    on = sum(one.on for one in found)
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
        "on" if one.on else "off",
        clock(desk).age(one.trained_at_ms),
        str(one.features),
        number(one.auc, 3),
        share(one.precision),
        share(one.recall),
        plain(one.threshold),
        "queued" if one.queued else UNKNOWN,
    )


@command(area="models", role=Role.VIEWER)
async def ml_stats(desk: Desk, models: Models = EMPTY) -> Reply:
    """How the models do live: hit rate, drift, what they brought against no model."""
    found = models.shelf.models()
    columns = f"Symbol | >Live hit rate | >Precision | >Drift | >Uplift {desk.about.quote}"
    rows = (
        (one.symbol, share(one.hit_rate), share(one.precision), number(one.drift), amount(one.uplift))
        for one in found
    )
    return Reply(
        title=f"Models live · {len(found)}" if found else "Models live · none",
        table=table(columns, rows),
        text="" if found else UNFILTERED,
        buttons=(Button("Refresh", "/ml_stats"), Button("Models", "/ml")),
    )


@command(area="models", role=Role.VIEWER)
async def ml_rankings(
    desk: Desk,
    by: Annotated[Literal["quality", "uplift"], Help("by test quality, or by what it brought")] = "quality",
    models: Models = EMPTY,
) -> Reply:
    """Symbols by the quality of their model, or by its realised uplift against no model."""
    found = sorted(models.shelf.models(), key=_uplift if by == "uplift" else _quality, reverse=True)
    columns = f">Place | Symbol | >AUC | >Uplift {desk.about.quote} | State"
    rows = (
        (str(place), one.symbol, number(one.auc, 3), amount(one.uplift), "on" if one.on else "off")
        for place, one in enumerate(found, start=1)
    )
    other = "quality" if by == "uplift" else "uplift"
    return Reply(
        title=f"Models by {by}",
        table=table(columns, rows),
        text="" if found else UNFILTERED,
        buttons=(Button("Refresh", f"/ml_rankings {by}"), Button(f"By {other}", f"/ml_rankings {other}")),
    )


def _quality(one: ModelView) -> float:
    return -1.0 if one.auc is None else one.auc


def _uplift(one: ModelView) -> Decimal:
    return Decimal("-Infinity") if one.uplift is None else one.uplift


def _chosen(symbol: str) -> str:
    return "" if symbol == ALL else symbol


def _meant(models: Models, symbol: str) -> list[ModelView]:
    return [one for one in models.shelf.models() if symbol in (ALL, one.symbol)]


async def preview_on(desk: Desk, symbol: str = ALL, models: Models = EMPTY) -> Reply:
    """The card before /ml_on."""
    return _switch_card(models, symbol, on=True)


async def preview_off(desk: Desk, symbol: str = ALL, models: Models = EMPTY) -> Reply:
    """The card before /ml_off."""
    return _switch_card(models, symbol, on=False)


def _switch_card(models: Models, symbol: str, *, on: bool) -> Reply:
    meant = _meant(models, symbol)
    if not meant:
        return _none(models, symbol)
    words = {True: "on", False: "off"}
    changes = [Change(f"model of {one.symbol}", words[one.on], words[on]) for one in meant]
    passes = "only signals that reach their threshold are traded" if on else "signals pass unfiltered"
    text = f"From the next bar on {passes}. Open trades are not touched."
    return proposed(f"Switch models {words[on]}?", changes, text)


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
        "Models switched on", await models.shelf.switch(_chosen(symbol), True, actor.id), buttons=BACK
    )


@command(area="models", role=Role.TRADER, confirm=Confirm.BUTTON, preview=preview_off)
async def ml_off(desk: Desk, actor: Actor, symbol: Which = ALL, models: Models = EMPTY) -> Reply:
    """Let signals pass without a model's judgement, of one symbol or of all."""
    return answered(
        "Models switched off", await models.shelf.switch(_chosen(symbol), False, actor.id), buttons=BACK
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
    changes = [Change(f"threshold of {one.symbol}", plain(one.threshold), plain(threshold)) for one in meant]
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
