"""The server's settings, whole: one definition for flags, MACTUNER_SERVE_* variables, the YAML file and the form."""

from __future__ import annotations

import ipaddress
import os
import re

from mactuner_core.errors import SettingProblem
from mactuner_core.server.settings_access import AccessSettings
from mactuner_core.server.settings_engine import EngineSettings
from mactuner_core.server.settings_models import AdapterFile, ModelSettings, parse_adapter
from mactuner_core.server.settings_rag import CollectionSettings

KEYS_VARIABLE = "MACTUNER_SERVE_API_KEYS"  # no field: a key must reach neither a job's spec nor a file of settings
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[^/\s:?#\[\]]+)(:\d{1,5})?")


class ServeSettings(AccessSettings, EngineSettings, CollectionSettings, ModelSettings):
    """What the server is to do."""

    def problems(self) -> list[SettingProblem]:
        """Return what does not go together, and every adapter and origin that cannot be read."""
        found = [*self._adapter_problems(), *self._origin_problems()]
        if not self.model:
            found.append(SettingProblem("config.missing", {"name": "model"}))
        if self.name and len(self.model) > 1:
            found.append(SettingProblem("serving_operations.name_of_many", {"name": "name", "value": self.name}))
        if not is_loopback(self.host) and not self._has_keys():
            found.append(SettingProblem("serving.open_without_key", {"name": "host", "value": self.host}))
        return found

    def adapters(self) -> list[AdapterFile]:
        """Return the adapters of `adapter`, in their order."""
        return [found for written in self.adapter if (found := parse_adapter(written))]

    def _has_keys(self) -> bool:
        return bool(self.api_key_file or os.environ.get(KEYS_VARIABLE))

    def _adapter_problems(self) -> list[SettingProblem]:
        found = []
        for written in self.adapter:
            adapter = parse_adapter(written)
            if adapter is None:
                found.append(SettingProblem("serving_operations.bad_adapter", {"name": "adapter", "value": written}))
            elif adapter.model is None and len(self.model) > 1:
                found.append(SettingProblem("serving_operations.whose_adapter", {"name": "adapter", "value": written}))
        names = [adapter.name for adapter in self.adapters()]
        twice = sorted({name for name in names if names.count(name) > 1})
        return found + [SettingProblem("serving_operations.name_twice", {"name": "adapter", "value": n}) for n in twice]

    def _origin_problems(self) -> list[SettingProblem]:
        found = []
        for origin in self.cors_origin:
            if origin == "*" and not self._has_keys():
                found.append(SettingProblem("serving_operations.all_origins", {"name": "cors_origin", "value": origin}))
            elif origin != "*" and not _ORIGIN.fullmatch(origin.lower()):
                found.append(SettingProblem("serving_operations.bad_origin", {"name": "cors_origin", "value": origin}))
        return found


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
