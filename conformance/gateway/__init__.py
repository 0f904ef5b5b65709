"""Floor 6: a gateway between our client and our upstream, and what it makes of both. Judges no server."""
