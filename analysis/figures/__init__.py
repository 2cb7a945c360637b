"""Pictures: each by one function from a table and a fit, in one style."""
