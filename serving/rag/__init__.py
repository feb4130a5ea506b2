"""Answers from the person's documents through the API: names MODEL+COLLECTION, the `rag` field, citations, access per key."""
