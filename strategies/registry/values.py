"""Strategy parameters: what default.yaml declares, and whether a value fits its declaration."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from math import isfinite

from bot.strategy import Parameter, Value
from strategies.registry.documents import StrategyConfigError, shown

MODE = Parameter(
    name="mode",
    default="live",
    low=None,
    high=None,
    unit="",
    help="live trades; shadow records entries, exits and PnL and never orders.",
    choices=("live", "shadow"),
)
SPEC_KEYS = ("default", "low", "high", "unit", "help", "choices", "training")
SWITCHES = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


def declared(document: Mapping[str, object], label: str) -> tuple[Parameter, ...]:
    """The parameters of a default.yaml in its order, `mode` last."""
    parameters = tuple(
        _parameter(name, spec, f"{label}: {name}") for name, spec in document.items() if name != MODE.name
    )
    return (*parameters, _mode(document, label))


def find(parameters: Iterable[Parameter], name: str, label: str) -> Parameter:
    """The parameter of that name; an unknown one is answered with what was probably meant."""
    known = {parameter.name: parameter for parameter in parameters}
    if name in known:
        return known[name]
    raise StrategyConfigError(f"{label}: {shown(name)} is unknown{suggestion(name, known)}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """The nearest known name, or all of them."""
    names = list(known)
    near = get_close_matches(name[:100], names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; allowed: {', '.join(names) or 'none'}"


def checked(parameter: Parameter, value: object, label: str) -> Value:
    """The value in the parameter's own type, refused when it does not fit; `label` names its file."""
    default = parameter.default
    where = f"{label}: {parameter.name}"
    if isinstance(default, bool):
        return _switch(value, where)
    if isinstance(default, int):
        return _in_range(parameter, _whole(value, parameter, where), where)
    if isinstance(default, float):
        return _in_range(parameter, _number(value, parameter, where), where)
    return _word(parameter, value, where)


def parsed(parameter: Parameter, text: str, label: str) -> Value:
    """The value a person typed, in the parameter's type."""
    typed: object = text.strip()
    if isinstance(parameter.default, bool):
        typed = SWITCHES.get(text.strip().lower(), typed)
    elif isinstance(parameter.default, int | float):
        typed = _typed_number(text, typed)
    return checked(parameter, typed, label)


def allowed(parameter: Parameter) -> str:
    """The allowed values in words: `0.1 to 20 x ATR`."""
    if isinstance(parameter.default, bool):
        return "true or false"
    if parameter.choices:
        return " or ".join(parameter.choices)
    unit = f" {parameter.unit}" if parameter.unit else ""
    if parameter.low is None or parameter.high is None:
        return f"any{unit}"
    return f"{parameter.low:g} to {parameter.high:g}{unit}"


def _parameter(name: str, spec: object, where: str) -> Parameter:
    """One declaration, its own default checked against its own range."""
    if not isinstance(spec, dict):
        raise StrategyConfigError(
            f"{where}: {shown(spec)} is not a declaration; allowed: {', '.join(SPEC_KEYS)}"
        )
    for key in spec:
        if key not in SPEC_KEYS:
            raise StrategyConfigError(f"{where}: {shown(key)} is unknown{suggestion(key, SPEC_KEYS)}")
    default = spec.get("default")
    if not isinstance(default, bool | int | float | str):
        raise StrategyConfigError(f"{where}: default {shown(default)} is not a number, a word or true/false")
    parameter = Parameter(
        name,
        default,
        *_range(spec, default, where),
        unit=_text_of(spec, "unit", where),
        help=_text_of(spec, "help", where),
        choices=_choices(spec, where),
    )
    file = where.removesuffix(f": {name}")
    checked(parameter, default, file)
    if "training" not in spec:
        return parameter
    return replace(parameter, training=checked(parameter, spec["training"], f"{file}: training"))


def _range(spec: Mapping[str, object], default: Value, where: str) -> tuple[float | None, float | None]:
    """Low and high: numbers need both, others have none."""
    if isinstance(default, bool | str):
        return None, None
    low, high = (_bound(spec.get(key), key, where) for key in ("low", "high"))
    if low > high:
        raise StrategyConfigError(f"{where}: low {low:g} is above high {high:g}")
    return low, high


def _bound(value: object, key: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise StrategyConfigError(f"{where}: {key} {shown(value)} is not a number; numbers need low and high")
    return float(value)


def _text_of(spec: Mapping[str, object], key: str, where: str) -> str:
    value = spec.get(key, "")
    if not isinstance(value, str):
        raise StrategyConfigError(f"{where}: {key} {shown(value)} is not text")
    return value


def _choices(spec: Mapping[str, object], where: str) -> tuple[str, ...]:
    value = spec.get("choices", [])
    if not isinstance(value, list) or not all(isinstance(choice, str) for choice in value):
        raise StrategyConfigError(f"{where}: choices {shown(value)} is not a list of words")
    return tuple(value)


def _mode(document: Mapping[str, object], label: str) -> Parameter:
    """The built-in parameter `mode`; default.yaml may give another default: `mode: shadow`."""
    default = checked(MODE, document.get(MODE.name, MODE.default), label)
    return Parameter(MODE.name, default, None, None, MODE.unit, MODE.help, MODE.choices)


def _switch(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    raise StrategyConfigError(f"{where}: {shown(value)} is not true or false")


def _whole(value: object, parameter: Parameter, where: str) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _misfit(where, value, "is not a whole number", parameter)


def _number(value: object, parameter: Parameter, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _misfit(where, value, "is not a number", parameter)
    if not _finite(value):
        raise _misfit(where, value, "is not a finite number", parameter)
    return float(value)


def _finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # an int too large for a float
        return False


def _in_range[Number: (int, float)](parameter: Parameter, value: Number, where: str) -> Number:
    low, high = parameter.low, parameter.high
    if (low is not None and value < low) or (high is not None and value > high):
        raise _misfit(where, value, "is out of range", parameter)
    return value


def _word(parameter: Parameter, value: object, where: str) -> str:
    if not isinstance(value, str) or (parameter.choices and value not in parameter.choices):
        raise _misfit(where, value, "is not allowed", parameter)
    return value


def _typed_number(text: str, otherwise: object) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return otherwise


def _misfit(where: str, value: object, what: str, parameter: Parameter) -> StrategyConfigError:
    return StrategyConfigError(f"{where}: {shown(value)} {what}; allowed: {allowed(parameter)}")
