"""Everything of MacTuner that works without a screen or a server: data, training, export, chat, and the command line."""

import logging

__version__ = "0.1.0"

# It warns each time it is imported on a processor with AVX-512 BF16 that a package for faster 4-bit products is missing.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
