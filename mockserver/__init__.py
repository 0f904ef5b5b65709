"""Floor 4: the server side. A deterministic server whose faults are the mutants of the rules."""
