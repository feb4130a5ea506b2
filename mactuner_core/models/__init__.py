"""Base models: the starter model made here, a folder of the person's, or a model of the Hugging Face Hub."""
