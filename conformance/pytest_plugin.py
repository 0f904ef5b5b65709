"""pytest items from rules and targets."""
