"""The OpenAI-compatible server: one model, many clients at once, on this machine."""

import os

# Before llama.cpp loads: waiting threads look again 30,000 times, about a millisecond, then sleep. Sixteen answers at once
# come a tenth faster than with a thousand times; OpenMP's own 300,000 times are hardly faster and stop everything where
# another program computes too; sleeping at once (OMP_WAIT_POLICY=PASSIVE) halves the speed of a single answer.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")
