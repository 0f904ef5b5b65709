"""The conformance suite for streaming LLM endpoints. Knows no server implementation."""
