"""Tokens in, tokens out: what an engine is, and the loop that decodes step by step. Knows no text, HTTP, or model."""
