"""Malformed and odd streams, played to a client under test, and what it makes of them. Knows no client by name."""
