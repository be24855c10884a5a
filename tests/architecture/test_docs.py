"""The documents say what the code says."""

import re
from pathlib import Path

from bot.config.secrets import secret_names
from cli.main import app
from handlers.manual import commands_markdown
from handlers.registry import load_registry

ROOT = Path(__file__).resolve().parents[2]


def test_commands_page_is_generated_from_the_definitions() -> None:
    """docs/commands.md is what `python -m handlers.manual` writes."""
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == commands_markdown(load_registry())


def test_env_example_names_every_secret_and_nothing_else() -> None:
    """What is written into .env is read."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^([A-Z_]+)=$", text, re.MULTILINE)) == set(secret_names())


def test_the_image_calls_commands_that_exist() -> None:
    """ENTRYPOINT, CMD and HEALTHCHECK of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    called = re.findall(r'CMD \["(?:quarterdeck", ")?(\w+)"\]', text)
    known = {found.name or getattr(found.callback, "__name__", "") for found in app.registered_commands}
    assert len(called) == 2
    assert set(called) <= known


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
