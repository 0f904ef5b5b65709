"""Rules about streamed chat completions, one file per part of the protocol."""
