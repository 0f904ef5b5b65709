"""Streamed text completions (`POST /v1/completions` with `stream: true`), the older protocol beside chat."""
