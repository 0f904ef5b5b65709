"""What was measured of real clients, and whether it is still so: streams written by hand, played to the adapters."""
