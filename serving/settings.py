"""The server's settings by the name its own modules use; they stand in the core because the screens need them too."""

from mactuner_core.server.settings import KEYS_VARIABLE, ServeSettings, is_loopback

__all__ = ["KEYS_VARIABLE", "ServeSettings", "is_loopback"]
