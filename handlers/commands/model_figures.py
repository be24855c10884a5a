"""How models do live, against what their cards promised."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from bot.runtime.desk import Desk
from handlers.cards import table
from handlers.command import Help, Role, command
from handlers.format import UNKNOWN, amount, count, number, share
from handlers.learning import UNFILTERED, ModelFigures, Models, ModelView
from handlers.model_card import state_of
from handlers.reply import Button, Reply

EMPTY = Models()
NOTE = (
    "Hit rate: of the signals that passed and ended at a level, those at their target; precision is what the card "
    "promised. Uplift: what the signals that were refused, or in shadow would have been, did not lose. Drift: "
    "population stability index of late signals against those of the training; ! where it is warned of."
)


@command(area="models", role=Role.VIEWER)
async def ml_stats(desk: Desk, models: Models = EMPTY) -> Reply:
    """How the models do live: hit rate, drift, what they brought against no model."""
    views = {one.symbol: one for one in models.shelf.models()}
    found = [one for one in await models.shelf.figures() if one.symbol in views]
    columns = (
        "Symbol | Model | >Scored | >Passed | >Hit rate (of) | >Precision | "
        f">Refused | >Uplift {desk.about.quote} | Drift"
    )
    return Reply(
        title=f"Models live · {len(found)}" if found else "Models live · none",
        table=table(columns, (_row(one, views[one.symbol]) for one in found)),
        text=NOTE if found else UNFILTERED,
        buttons=(
            Button("Refresh", "/ml_stats"),
            Button("Ranking", "/ml_rankings uplift"),
            Button("Models", "/ml"),
        ),
    )


def _row(one: ModelFigures, view: ModelView) -> tuple[str, ...]:
    whose, _, version = one.model.partition("/")
    return (
        one.symbol,
        version if whose == one.symbol else f"{whose.removeprefix('_')} {version}",
        str(one.scored),
        str(one.passed),
        f"{share(one.hit_rate)} ({one.ended})" if one.ended else UNKNOWN,
        share(view.precision),
        str(one.refused),
        amount(one.uplift),
        _drift(one),
    )


def _drift(one: ModelFigures) -> str:
    """Of the scores and of the feature that moved farthest; without figures how many signals there are."""
    if one.worst is None:
        return f"{UNKNOWN} ({count(one.late, 'signal')})" if one.late else UNKNOWN
    figures = (("score", one.drift), one.worst)
    return ", ".join(f"{name} {number(psi)}{' !' if name in one.warned else ''}" for name, psi in figures)


@command(area="models", role=Role.VIEWER)
async def ml_rankings(
    desk: Desk,
    by: Annotated[Literal["quality", "uplift"], Help("by test quality, or by what it brought")] = "quality",
    models: Models = EMPTY,
) -> Reply:
    """Symbols by the quality of their model, or by its realised uplift against no model."""
    uplift = await models.shelf.uplifts()
    found = sorted(models.shelf.models(), key=lambda one: _rank(one, by, uplift))
    columns = f">Place | Symbol | >AUC | >Uplift {desk.about.quote} | State"
    rows = (
        (str(place), one.symbol, number(one.auc, 3), amount(uplift.get(one.symbol)), state_of(one))
        for place, one in enumerate(found, start=1)
    )
    other = "quality" if by == "uplift" else "uplift"
    return Reply(
        title=f"Models by {by}",
        table=table(columns, rows),
        text="" if found else UNFILTERED,
        buttons=(Button("Refresh", f"/ml_rankings {by}"), Button(f"By {other}", f"/ml_rankings {other}")),
    )


def _rank(one: ModelView, by: str, uplift: Mapping[str, Decimal | None]) -> tuple[bool, Decimal | float, str]:
    """Best first, unknown last, then by symbol."""
    figure = uplift.get(one.symbol) if by == "uplift" else one.auc
    return figure is None, 0.0 if figure is None else -figure, one.symbol
