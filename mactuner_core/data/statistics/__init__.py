"""Figures about a dataset: what is in it, how long its rows are, who speaks, which words; counted once and kept."""
