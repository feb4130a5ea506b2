"""One switch: transformers draws no progress bars, because jobs and pages report progress in their own way."""

from __future__ import annotations


def quiet_transformers() -> None:
    """Turn off the progress bars and the advice of transformers and datasets in this process."""
    import datasets
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    datasets.disable_progress_bars()
