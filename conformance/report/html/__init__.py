"""The report as one HTML file. Decides nothing; the file loads nothing and lets no byte of a target act."""
