"""Fine-tuning on TRL and PEFT: settings, the loss mask, the recipe, and the job around it."""
