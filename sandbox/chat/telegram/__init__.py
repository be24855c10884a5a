"""The Telegram Bot API on loopback, and the people who write to the bot."""
