"""Scores of the videos over compute: which are laws, which saturate, which say nothing.

curve       how a score goes with compute, with loss and with size
columns     the scores of a results table, and what they stand beside
noise       what clips and what seeds change in a score
best_size   is the size of least loss the size of the best score?
minima      the best size of each budget by a score
checkpoints two run folders, score by score
"""
