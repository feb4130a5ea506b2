"""From a tuned model to verified GGUF files: merge, convert, quantise, verify."""
