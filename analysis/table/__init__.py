"""The table of runs: its columns and roles, what may enter a fit, paired errors, variants."""
