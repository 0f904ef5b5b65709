"""HTTP: status, headers, framing and the connection. Knows nothing of events or JSON."""
