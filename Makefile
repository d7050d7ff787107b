# Every target works on a fresh machine with Python 3.11 or newer and a package index.
.PHONY: demo test programs check bench lock clean
# Tests start hundreds of processes; what the first has compiled, the others load.
unexport PYTHONDONTWRITEBYTECODE

demo: .venv/ready ## a flow through server, pool and worker, with its result
	@.venv/bin/python scripts/demo.py

test: ## everything that can be tested here; one process more than cores, for many tests wait
	@$(MAKE) --no-print-directory --jobs 4 .venv/ready .venv-prefect/ready .venv-prefect2/ready programs
	.venv/bin/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

programs: ## what tests need beside Python; one after another, for the system installs one package at a time
	scripts/ensure-postgres.sh
	scripts/ensure-azurite.sh
	scripts/ensure-docker.sh
	scripts/ensure-chromium.sh

check: .venv/ready ## types, style, house rules
	.venv/bin/ruff check src tests scripts examples
	.venv/bin/ruff format --check src tests scripts examples
	.venv/bin/mypy
	.venv/bin/python -m pytest tests/test_architecture.py

bench: .venv/ready .venv-prefect/ready ## the budget table, Penstock beside Prefect
	.venv/bin/python -m benchmarks.run

lock: ## exact versions with hashes
	scripts/lock.sh

clean:
	rm -rf .venv .venv-prefect .venv-prefect2

.venv/ready: requirements/dev.txt pyproject.toml
	@scripts/venv.sh .venv requirements/dev.txt --no-compile
	@.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv-prefect/ready: requirements/prefect.txt
	@scripts/venv.sh .venv-prefect requirements/prefect.txt
	@touch $@

.venv-prefect2/ready: requirements/prefect2.txt
	@scripts/venv.sh .venv-prefect2 requirements/prefect2.txt
	@touch $@
