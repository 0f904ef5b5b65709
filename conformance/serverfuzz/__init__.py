"""Requests that nobody tried, sent to a server: made by hypothesis, judged by rules and oracles, shrunk to what is needed."""
