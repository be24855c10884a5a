"""What several folders of tests share lives in tests/support and is imported by its bare name."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "support"))

settings.register_profile("house", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("house")
