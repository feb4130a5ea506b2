"""The OpenAI-compatible server: one model, many clients at once, on this machine."""

import os

# Before llama.cpp loads: waiting threads look again a thousand times, then sleep. OpenMP's own way (300,000 times) stops
# everything where another program computes too, and sleeping at once (OMP_WAIT_POLICY=PASSIVE) halves the speed of a
# single answer on a quiet machine.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
