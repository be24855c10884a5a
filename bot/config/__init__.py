"""The configuration: one typed file, the environment over it, secrets only by reference, refused with the path."""

from bot.config.load import ConfigItem as ConfigItem
from bot.config.load import LoadedConfig as LoadedConfig
from bot.config.load import load_config as load_config
from bot.config.load import load_text as load_text
from bot.config.problems import Names as Names
from bot.config.problems import fault_of as fault_of
from bot.config.secrets import Secrets as Secrets
from bot.config.settings import Settings as Settings
