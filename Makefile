# make help lists the targets. Every target sets up what it needs; the first time takes minutes, later ones a second.
MACTUNER := .venv/bin/mactuner
PYTHON_VENV := .venv/bin/python

.PHONY: help setup demo app serve check format test benchmarks
help:
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: ## install everything (first time: 6 to 17 minutes, it compiles llama.cpp)
	@bash scripts/setup.sh

demo: setup ## the whole way on the shipped samples: train, export, verify, serve, ask
	@$(MACTUNER) demo

app: setup ## the app in the browser
	@$(MACTUNER) app

serve: setup ## the OpenAI-compatible server: make serve MODEL=EXPORT|FILE.gguf
	@$(MACTUNER) serve --model "$(or $(MODEL),$(error Say which model: make serve MODEL=EXPORT or MODEL=FILE.gguf))"

check: setup ## format, lint, types, import direction
	@$(PYTHON_VENV) -m ruff format --check --quiet . || (echo "run: make format" && false)
	@$(PYTHON_VENV) -m ruff check --quiet .
	@$(PYTHON_VENV) -m mypy --no-error-summary
	@$(PYTHON_VENV) -c "from importlinter.cli import lint_imports_command; lint_imports_command()" --no-cache
	@echo "check: passed"

format: setup ## put the code into its form
	@$(PYTHON_VENV) -m ruff format --quiet .
	@$(PYTHON_VENV) -m ruff check --fix --quiet .

test: check ## the checks, then every test
	@bash scripts/test_programs.sh
	@$(PYTHON_VENV) -m pytest -n 2 --dist loadfile --durations 20

benchmarks: setup ## the ratios against plain libraries
	@$(PYTHON_VENV) -m benchmarks.training
	@OMP_WAIT_POLICY=PASSIVE $(PYTHON_VENV) -m benchmarks.training_peers
	@$(PYTHON_VENV) -m benchmarks.memory
	@$(PYTHON_VENV) -m benchmarks.export
	@$(PYTHON_VENV) -m benchmarks.privacy
	@$(PYTHON_VENV) -m benchmarks.data
	@$(PYTHON_VENV) -m benchmarks.statistics_of_rows
	@$(PYTHON_VENV) -m benchmarks.rag
	@$(PYTHON_VENV) -m benchmarks.serving
