"""The chat layer: commands defined once, one dispatcher, replies as values, platforms that translate."""
