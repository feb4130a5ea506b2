"""The batching engine over llama.cpp: no HTTP in here."""
