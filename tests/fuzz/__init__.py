"""Whatever reads what others wrote, fuzzed: every reader, what it may raise, and what must hold of what it reads."""
