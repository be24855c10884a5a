"""`quarterdeck check`: can the configuration be used; what is wrong gets one line each."""

import os
import sys
from pathlib import Path

from bot.config import LoadedConfig
from bot.config.settings import Mode
from bot.domain.errors import ConfigError
from bot.runtime.clock import WallClock
from cli.front import check_routes
from cli.further import further_stages, names_of
from cli.homes import load, resolve_home
from cli.markets import configured_market
from cli.platforms import half_given, webhooks
from cli.pulse import checked_address
from handlers.registry import load_registry
from handlers.second import two_person
from strategies.registry import Registry as Strategies


def check_chat(loaded: LoadedConfig) -> None:
    """What names commands, accounts and people, and the addresses among the secrets. Raises ConfigError."""
    chat = loaded.settings.chat
    others = further_stages(loaded, os.environ, WallClock())
    two_person(chat.two_person, chat.two_person_s * 1000, load_registry())
    check_routes(chat, (loaded.settings.name, *names_of(others)))
    webhooks(loaded.secrets)
    if loaded.secrets.heartbeat_url:
        checked_address(loaded.secrets.heartbeat_url)
    if words := half_given(loaded.secrets):
        sys.stdout.write(f"{words}\n")
    for user in loaded.settings.notices.on_call:
        if user not in chat.users:
            raise ConfigError(f"notices.on_call: {user} is not among chat.users")


def check_config(home: Path | None, config: Path | None) -> int:
    """Read everything there is to read; what is wrong raises with one line each."""
    loaded = load(resolve_home(home, os.environ), config, os.environ)
    strategies = Strategies([Path(path) for path in loaded.settings.strategy_paths])
    strategies.check()
    for symbol in loaded.settings.symbols:
        strategies.build(symbol.strategy, symbol.symbol)
    if loaded.settings.mode is Mode.DEMO:  # what an exchange lists is known only when it is asked
        configured_market(loaded.settings)
    check_chat(loaded)
    where = loaded.path.name if loaded.path else "built-in defaults"
    sys.stdout.write(
        f"{where}: mode {loaded.settings.mode}, {len(loaded.settings.symbols)} symbols: usable\n"
    )
    return 0
