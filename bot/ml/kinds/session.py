"""An ONNX model in its runtime: one thread, no files, no foreign operators, one row at a time."""

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from bot.ml.feature import Matrix
from bot.ml.model import ModelError
from bot.strategy import Array

FLOATS: dict[str, type[np.floating]] = {"tensor(float)": np.float32, "tensor(double)": np.float64}
RULE = (
    "one output of [n], [n, 1] (probability) or [n, 2] (its second column); several: one called probability"
)
MISSING = "onnxruntime is not installed; ONNX models need Quarterdeck's extra `onnx`"


class _Argument(Protocol):
    """An input or output as the runtime tells of it."""

    name: str
    type: str
    shape: list[int | str | None]


class _Runtime(Protocol):
    """As much of the runtime's session as is used."""

    def get_inputs(self) -> Sequence[_Argument]: ...

    def get_outputs(self) -> Sequence[_Argument]: ...

    def run(self, names: list[str], given: Mapping[str, NDArray[np.floating]]) -> list[object]: ...


type _Faults = tuple[type[Exception], ...]


class SessionError(ModelError):
    """The runtime refuses the model or a row; the message lacks the file's name."""


class Session:
    """A model ready to score.

    Rows are scored one by one: the runtime adds up in another order for many rows than for one, and a score must not
    depend on who else is asked.
    """

    def __init__(self, content: bytes, width: int) -> None:
        self._run, self._faults = _opened(content)
        self._input, self._type = _input(self._run.get_inputs(), width)
        self._output = _output(self._run.get_outputs())

    def scores(self, rows: Matrix) -> Array:
        """Probability per row; rows without missing figures. Raises SessionError."""
        given = rows.astype(self._type)
        return np.array(
            [self._score(given[index : index + 1]) for index in range(len(given))], dtype=np.float64
        )

    def _score(self, row: NDArray[np.floating]) -> float:
        try:
            (found,) = self._run.run([self._output], {self._input: row})
        except self._faults as error:
            raise SessionError("the runtime cannot score") from error
        if not isinstance(found, np.ndarray) or found.shape not in {(1,), (1, 1), (1, 2)}:
            raise SessionError(f"answers {getattr(found, 'shape', type(found).__name__)} for a row; {RULE}")
        return float(found.reshape(-1)[-1])


def _opened(content: bytes) -> tuple[_Runtime, _Faults]:
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError:
        raise SessionError(MISSING) from None
    names = (
        "Fail",
        "InvalidArgument",
        "NoSuchFile",
        "NoModel",
        "EngineError",
        "RuntimeException",
        "InvalidProtobuf",
    )
    more = ("ModelLoaded", "NotImplemented", "InvalidGraph", "EPFail")
    faults: _Faults = tuple(getattr(state, name) for name in (*names, *more))
    faults = (*faults, RuntimeError, ValueError, TypeError, MemoryError)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except faults as error:
        raise SessionError("the runtime refuses it") from error
    return cast(_Runtime, session), faults


def _input(found: Sequence[_Argument], width: int) -> tuple[str, type[np.floating]]:
    if len(found) != 1:
        raise SessionError(f"takes {len(found)} inputs; one of [n, {width}] is allowed")
    (one,) = found
    if one.type not in FLOATS:
        raise SessionError(f"takes {one.type}; tensor(float) or tensor(double) is allowed")
    if len(one.shape) != 2 or (isinstance(one.shape[0], int) and one.shape[0] != 1):
        raise SessionError(f"takes the shape {one.shape}; [n, {width}] is allowed")
    if isinstance(one.shape[1], int) and one.shape[1] != width:
        raise SessionError(f"takes {one.shape[1]} features, the card names {width}")
    return one.name, FLOATS[one.type]


def _output(found: Sequence[_Argument]) -> str:
    floats = [one.name for one in found if one.type in FLOATS]
    if len(floats) > 1:
        floats = [name for name in floats if "prob" in name.lower()]
    if len(floats) != 1:
        raise SessionError(f"has the outputs {str([one.name for one in found])[:80]}; {RULE}")
    return floats[0]
