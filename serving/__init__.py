"""The OpenAI-compatible server: one model, many clients at once, on this machine."""
