"""Experiments: a config is data. One small file per question; its docstring is the lab note."""
