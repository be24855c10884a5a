"""The documents say what the code says."""

import re
from pathlib import Path
from textwrap import dedent

from bot.config import load_text
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


def test_the_chat_guide_names_what_there_is() -> None:
    """Commands, settings and secrets that docs/chat-setup.md names exist."""
    text = (ROOT / "docs" / "chat-setup.md").read_text(encoding="utf-8")
    registry = load_registry()
    commands = set(re.findall(r"`/([a-z][a-z_]+)\b", text)) - {"newbot", "setjoingroups", "quarterdeck", "qd"}
    assert {name for name in commands if registry.find(name) is None} == set()
    keys = {item.key for item in load_text("{}", ROOT, {}).items()}
    named = re.findall(r"`((?:chat|notices|watchdog|drill)\.[a-z_.]+)`", text)
    assert named
    assert {key for key in named if not any(known.startswith(key) for known in keys)} == set()
    secrets = set(re.findall(r"`([A-Z]+_[A-Z_]+)[`=]", text))
    assert secrets <= set(secret_names())
    called = set(re.findall(r"`quarterdeck ([a-z]+)", text))
    assert called <= {
        found.name or getattr(found.callback, "__name__", "") for found in app.registered_commands
    }


def test_the_guides_configuration_is_valid() -> None:
    """The pieces of config.yaml that the guide shows can be pasted."""
    text = (ROOT / "docs" / "chat-setup.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^ {4,8}(?:chat|name|#).*\n(?:^ {4,}.*\n)*)", text, re.MULTILINE)
    assert len(blocks) == 4
    for block in blocks:
        load_text(dedent(block), ROOT, {})
