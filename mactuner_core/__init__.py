"""Everything of MacTuner that works without a screen or a server: data, training, export, chat, and the command line."""

__version__ = "0.1.0"
