"""Server-sent events: bytes, lines and events. Knows nothing of what the data mean."""
