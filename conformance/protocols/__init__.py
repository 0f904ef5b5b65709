"""Floor 2: what SSE events mean. Each protocol has its order table, reader, view and emitter; none knows a vendor."""
