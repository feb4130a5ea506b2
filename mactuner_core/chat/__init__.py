"""Talking to a model: its chat template, a server process for it, answers from a model folder."""
