"""Finding text by its meaning, so that answers can rest on documents."""
