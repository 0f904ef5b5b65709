"""Scenarios: what the mock server replies to what, as somebody has written it down in YAML."""
