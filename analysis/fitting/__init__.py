"""A table fitted: the library behind `python -m analysis.fit` and `analysis.fit(table, ...)`."""
