"""vLLM as an engine: its scheduler, its memory, its GPUs, behind the interface of `decoding`. Knows no text."""
