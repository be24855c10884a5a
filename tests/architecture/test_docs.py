"""The documents say what the code says."""

import re
from pathlib import Path

from handlers.manual import commands_markdown
from handlers.registry import load_registry

ROOT = Path(__file__).resolve().parents[2]


def test_commands_page_is_generated_from_the_definitions() -> None:
    """docs/commands.md is what `python -m handlers.manual` writes."""
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == commands_markdown(load_registry())


def test_readme_names_only_commands_that_exist() -> None:
    """Every /command in the README is a command."""
    registry = load_registry()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/.:])/([a-z][a-z_]+)\b(?!/)", text))
    assert {name for name in named if registry.find(name) is None} == set()


def test_links_of_the_documents_lead_somewhere() -> None:
    """Relative links point at files that are there."""
    missing = []
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        missing += [f"{page.name}: {link}" for link in links if not (page.parent / link).exists()]
    assert missing == []
