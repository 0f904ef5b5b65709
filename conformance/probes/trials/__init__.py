"""Trials: probes of several exchanges, or of one and a look from outside. One file per subject; `catalogue` has all."""
