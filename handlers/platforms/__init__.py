"""The faces of the chat layer: each translates one platform's messages to requests, and replies to its messages."""
