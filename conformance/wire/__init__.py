"""Floor 1: bytes to SSE events and back. Sans-IO: knows no clock, no socket, no JSON."""
