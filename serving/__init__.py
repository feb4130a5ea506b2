"""The OpenAI-compatible server: one model, many clients at once, on this machine."""

import os

from mactuner_core.server.environment import SPINNING

for _name, _value in SPINNING.items():  # before llama.cpp loads
    os.environ.setdefault(_name, _value)
