"""The results table: its columns, what may enter a fit, paired errors."""
