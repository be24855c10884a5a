"""`quarterdeck bench chat` and `quarterdeck sandbox --chat`, as a script starts them, small."""

import json
import subprocess
from typing import Any

from processes import ROOT, command, environ

PLATFORMS = {"telegram", "discord", "slack"}


def run(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        cwd=ROOT,
        env=environ(),
        input=said,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_people_command_the_desk_on_every_platform_while_bars_close() -> None:
    size = ("--symbols", "8", "--seconds", "4", "--orders", "2", "--notices", "20")
    ended = run("bench", "chat", *size, "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    figures: dict[str, Any] = json.loads(ended.stdout)
    assert figures["errors"] == 0
    for phase in ("idle", "closing"):
        assert set(figures[phase]) == PLATFORMS
        for times in figures[phase].values():
            assert times["count"] >= 4
            assert 0 < times["p50"] <= times["p95"] <= times["p99"] <= times["worst"]
    assert figures["bar_ms"]["count"] >= 1
    assert figures["order_bar_ms"]["count"] >= 1
    asked = {"/status", "/positions", "/signal", "/pnl", "/set_risk", "press Refresh", "press Confirm"}
    assert {"/status", "/positions", "/signal", "/pnl"} <= set(figures["by_command"]) <= asked
    assert figures["order_healthy"]["count"] == figures["order_hanging"]["count"] == 2
    assert figures["order_ratio"] > 0
    assert set(figures["messages"]) == PLATFORMS
    assert all(1 <= count <= 20 for count in figures["messages"].values()), "a storm is folded"
    assert figures["memory_mb"] > 50


def test_more_orders_than_there_are_symbols_for_are_refused() -> None:
    ended = run("bench", "chat", "--symbols", "8", "--orders", "5")
    assert ended.returncode == 2
    assert "--orders 5" in ended.stderr


def test_an_unknown_platform_is_refused() -> None:
    ended = run("sandbox", "--chat", "irc")
    assert ended.returncode == 2
    assert "allowed: telegram, discord, slack, all" in ended.stderr


def test_the_chat_sandbox_says_where_it_is_and_does_as_it_is_told() -> None:
    process = subprocess.Popen(
        command("sandbox", "--chat", "all"),
        cwd=ROOT,
        env=environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        first = json.loads(process.stdout.readline())
        assert set(first["chat"]) == set(first["users"]) == PLATFORMS
        assert set(first["secrets"]) == {"TELEGRAM_TOKEN", "DISCORD_TOKEN", "SLACK_TOKEN", "SLACK_APP_TOKEN"}
        assert all(place["api_url"].startswith("http://127.0.0.1:") for place in first["chat"].values())
        for line, part in (
            ("telegram ann seen", '"seen":[]'),
            ("discord bea /status", "offers no /status"),
            ("telegram nobody /status", "a line is"),
            ("trouble hang", '"trouble hang"'),
        ):
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            assert part in process.stdout.readline()
        process.terminate()
        rest, said = process.communicate(timeout=100)
        assert (process.returncode, rest, said) == (0, "", "")
    finally:
        process.kill()
        process.wait()
