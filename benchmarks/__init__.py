"""Measurements: accuracy (`make eval`) and speed (`make bench`). Results are kept in RESULTS.md with the command that made them."""
