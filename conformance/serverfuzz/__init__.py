"""Requests that nobody tried, sent to a server: drawn by hypothesis, judged, and shrunk to what is needed."""
