"""Attacks on whole houses live in the houses of the conversations."""

import sys
from pathlib import Path

for kits in ("conversation", "unit"):  # test_trials_house and markets live there
    sys.path.append(str(Path(__file__).parents[1] / kits))
