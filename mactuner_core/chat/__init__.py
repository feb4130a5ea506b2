"""Talking to a model: a server process for it, and answers of whatever a person names."""
