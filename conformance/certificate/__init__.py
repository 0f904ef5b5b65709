"""Certificates: the recordings of a run judged by a profile, in a bundle that anybody can judge again."""
