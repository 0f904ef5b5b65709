"""Streamed chat completions (`POST /v1/chat/completions` with `stream: true`)."""
