"""What the server and the screens both know of a server: its settings, and the file of its API keys."""
