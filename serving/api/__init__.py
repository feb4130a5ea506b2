"""The OpenAI-compatible endpoints: HTTP in, the engine's events out."""
