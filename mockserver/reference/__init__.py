"""The reference server: the protocol in front of an engine that really decodes. Tokens below, text above."""
