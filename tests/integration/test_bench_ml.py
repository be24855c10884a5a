"""`quarterdeck bench ml` answers with all its figures; how high they are is no test's business."""

import json

import pytest
from processes import quarterdeck

ASKED = {
    *("dataset_ms", "folds_s", "batch_ms", "single_score_p99_ms", "reload_growth_mb"),
    *("loop_held_ms", "loop_late_ms", "start_held_ms", "bar_held_ms", "storm_held_ms", "storm_took_ms"),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_answers_in_figures() -> None:
    answer = quarterdeck("bench", "ml", "--symbols", "3", "--runs", "1", "--json")
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert {name for name, figure in found.items() if isinstance(figure, int | float)} >= ASKED
    assert found["reloads"] == 1_000


def test_what_is_not_allowed_is_said() -> None:
    answer = quarterdeck("bench", "ml", "--symbols", "0")
    assert answer.returncode != 0
    assert "--symbols 0: is not allowed; a whole number from 1 to 600" in answer.stderr
