"""Data: from a person's file of examples to a dataset version of chat examples."""
