"""Chat providers on loopback, strict about their own rules: what a bot may send, how fast, and what it gets back."""
