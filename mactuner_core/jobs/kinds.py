"""Which function does the work of which kind of job.

The names are resolved inside the job's own process, so nothing here imports what it names. Each function takes
`(spec, job)` and returns its result as JSON-ready data.
"""

HANDLERS = {
    "train": "mactuner_core.training.job:run",
    "import": "mactuner_core.data.import_job:run",
    "export": "mactuner_core.export.job:run",
    "starter": "mactuner_core.models.starter_job:run",
    "hub_download": "mactuner_core.models.hub_download:run",
    "serve": "serving.job:run",
    "ask": "mactuner_core.chat.ask_job:run",
    "synthesize": "mactuner_core.data.synthesis.job:run",
    "rag_index": "mactuner_core.rag.build:run",
    "rag_synthesize": "mactuner_core.rag.pair_job:run",
}
