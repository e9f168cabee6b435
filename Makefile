# The menu. `make` alone prints it.

CARGO ?= cargo
VENVS ?= .venvs
# The environment of the Python package: built into, and tested in.
PYENV ?= $(VENVS)/python
PYTHON := $(VENVS)/py3/bin/python
# That of blueox-store.
STOREENV ?= $(VENVS)/store
# Where cargo-nextest is installed it runs the tests; building it takes ten minutes, so it is never installed here.
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

.PHONY: test-s3 corpus help demo run sql test test-sql lint-sql test-rust test-peers test-page test-python test-store test-spark wheel test-all loom sanitize lint deny edges dev bench soak setup web web-check pictures clean

help: ## this menu
	@echo "make demo       build, and show: an agent, a collector, a shop that does not exist, and the page over them"
	@echo "make run        build, start an oxd with its data in ./data and a small shop that sends to it"
	@echo "make sql        oxsql, for SQL over what is stored (40 CPU minutes), beside the other programs in target/release"
	@echo "make test       all tests, with what they need set up first (Python packages; the real original where Python 2.7 is)"
	@echo "make test-all   the same, and the long ones (oxsql, blueox-store, a Spark cluster, a real S3 server, loom, AddressSanitizer, more cases)"
	@echo "make test-s3    oxstore and oxview with a real S3 server, which is built the first time (about 250 CPU seconds)"
	@echo "make wheel      the Python package as a wheel, in target/wheels, tested in each CPython that is here"
	@echo "make lint       formatting, clippy, the crates' edges, ruff and mypy"
	@echo "make deny       licences and duplicate dependencies (needs cargo-deny)"
	@echo "make dev        check and run the fast tests again at each change (needs cargo-watch, else once)"
	@echo "make bench      ratios against the original, rsyslog and the bare machine (BENCH='heart --parts hops': a part)"
	@echo "make corpus     made-up traffic as day files, always the same (DIR=./corpus, MIB=1024)"
	@echo "make soak       property tests and killed processes for hours (SOAK_CASES=1000000, SOAK_KILLS=10000)"
	@echo "make web        build the page's files, web/dist, from its sources (needs node and npm; cargo build does not)"
	@echo "make web-check  check its types, and that web/dist matches its sources"
	@echo "make pictures   take the README's pictures of the page anew, over the demo"
	@echo "make clean      remove what was built"

demo: ## DEMO='--open --seed 3 --fail-collector': its flags
	$(CARGO) build -p oxd -p oxview
	@$${CARGO_TARGET_DIR:-target}/debug/oxview demo $(DEMO)

run:
	$(CARGO) build --workspace --bins --exclude oxbench
	@scripts/run

test: test-rust test-peers test-page test-python

test-rust:
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace --no-fail-fast
	$(CARGO) test --workspace --doc --quiet
else
	$(CARGO) test --workspace
endif

test-peers: setup
	$(CARGO) build --workspace --bins
	$(PYTHON) -m pytest tests/peers -q -p no:cacheprovider

test-python: setup
	$(CARGO) build --bin oxd
	python/build.sh $(PYENV)
	cd python && $(abspath $(PYENV))/bin/python -m pytest -p no:cacheprovider

test-store: ## blueox-store: the store read from Python
	$(CARGO) build --workspace --bins
	python-store/build.sh $(STOREENV)
	cd python-store && $(abspath $(STOREENV))/bin/python -m pytest -p no:cacheprovider

test-spark: ## a Spark cluster on loopback reads sealed files; needs Java 17
	$(CARGO) build --workspace --bins
	BLUEOX_VENVS=$(abspath $(VENVS)) tests/spark/run.sh

wheel: ## one for all CPythons from 3.10, in target/wheels: built, checked, tested in each that is here
	$(CARGO) build --bin oxd
	python/wheel.sh

test-page: setup
	$(CARGO) build --workspace --bins
	$(PYTHON) -m pytest tests/page -q -p no:cacheprovider --rootdir tests/page

# A workspace of its own, so that nothing else builds DataFusion; into the same folder, so that oxview finds it.
OXSQL := --manifest-path crates/oxsql/Cargo.toml --target-dir $${CARGO_TARGET_DIR:-target}

sql:
	$(CARGO) build $(OXSQL) --release

test-sql: lint-sql
	$(CARGO) build -p oxview --bin oxview
	$(CARGO) test $(OXSQL)

lint-sql:
	$(CARGO) clippy $(OXSQL) --all-targets -- -D warnings

test-all: test test-sql test-store test-spark loom sanitize test-s3
	PROPTEST_CASES=20000 $(CARGO) test --workspace --lib --quiet

# The server comes from crates.io, once; later versions need a newer compiler.
S3S_FS := $(VENVS)/s3/bin/s3s-fs

$(S3S_FS):
	$(CARGO) install s3s-fs --version 0.14.1 --locked --debug --quiet --features binary --root $(VENVS)/s3

test-s3: setup $(S3S_FS)
	$(CARGO) build --workspace --bins
	$(PYTHON) -m pytest tests/peers/test_oxstore_s3.py -q -p no:cacheprovider

# All ways in which the library's threads may meet. The flag builds everything anew, in a folder of its own.
loom:
	CARGO_TARGET_DIR=target/loom RUSTFLAGS="--cfg loom" $(CARGO) test -p blueox --lib thread_buffer::model

# The library's unsafe lines under AddressSanitizer: docs/decisions/library-recorder.md says which test reaches which place.
# Recorders that were replaced stay on purpose, so leaks are not looked for. SANITIZE='-p blueox-log --lib': another crate.
SANITIZE ?= -p blueox --lib --tests
sanitize:
	@if $(CARGO) +nightly --version >/dev/null 2>&1; then \
	  ASAN_OPTIONS=detect_leaks=0 CARGO_TARGET_DIR=target/sanitized RUSTFLAGS="-Zsanitizer=address" \
	  $(CARGO) +nightly test $(SANITIZE) --target $$($(CARGO) -vV | sed -n 's/^host: //p'); \
	else echo "sanitize: there is no nightly compiler here, so nothing ran"; fi

lint: edges setup
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path crates/oxsql/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	cd tests/peers && $(abspath $(PYTHON)) -m ruff check . ../../scripts
	cd tests/peers && $(abspath $(PYTHON)) -m ruff format --check . ../../scripts
	cd tests/peers && $(abspath $(PYTHON)) -m mypy --strict . ../../scripts/check_edges.py ../../scripts/check_locks.py
	cd tests/page && $(abspath $(PYTHON)) -m ruff check --config ../peers/pyproject.toml .
	cd tests/page && $(abspath $(PYTHON)) -m ruff format --config ../peers/pyproject.toml --check .
	cd tests/page && MYPYPATH=../peers $(abspath $(PYTHON)) -m mypy --strict --config-file ../peers/pyproject.toml . ../../scripts/pictures.py
	cd tests/spark && $(abspath $(PYTHON)) -m ruff check --config ../peers/pyproject.toml .
	cd tests/spark && $(abspath $(PYTHON)) -m ruff format --config ../peers/pyproject.toml --check .
	cd tests/spark && $(abspath $(PYTHON)) -m mypy --strict --config-file ../peers/pyproject.toml .
	cd python-store && $(abspath $(PYTHON)) -m ruff check .
	cd python-store && $(abspath $(PYTHON)) -m ruff format --check .
	cd python-store && $(abspath $(PYTHON)) -m mypy --cache-dir $(abspath $(VENVS))/mypy-cache
	python/build.sh $(PYENV)
	cd python && $(abspath $(PYENV))/bin/ruff check --config pyproject.toml . ../examples/python
	cd python && $(abspath $(PYENV))/bin/ruff format --check --config pyproject.toml . ../examples/python
	cd python && $(abspath $(PYENV))/bin/mypy --cache-dir $(abspath $(VENVS))/mypy-cache

edges:
	scripts/check_edges.py
	scripts/check_locks.py

deny:
	$(CARGO) deny check bans licenses sources
	$(CARGO) deny --manifest-path crates/oxsql/Cargo.toml check bans licenses sources

dev:
	@if $(CARGO) watch --version >/dev/null 2>&1; then $(CARGO) watch -x 'check --workspace' -x 'test --workspace --lib'; \
	else $(CARGO) check --workspace && $(CARGO) test --workspace --lib; fi

corpus: ## DIR=./corpus MIB=1024: made-up traffic as day files
	$(CARGO) run --release --quiet -p oxbench -- corpus $${DIR:-./corpus} --mib $${MIB:-1024}

bench: setup
	bench/run.sh $(BENCH)

soak: setup
	PROPTEST_CASES=$${SOAK_CASES:-1000000} $(CARGO) test --release --workspace --lib
	$(CARGO) test --release -p blueox-event --lib native::tests::model -- --ignored
	$(CARGO) build --release --workspace --bins --exclude oxbench
	BLUEOX_BIN_DIR=$(CURDIR)/target/release BLUEOX_KILLS=$${SOAK_KILLS:-10000} $(PYTHON) -m pytest tests/peers/test_kill.py -q -p no:cacheprovider
	BLUEOX_LIVE_SECONDS=60 $(PYTHON) -m pytest tests/page -q -p no:cacheprovider -k five_thousand
	python/build.sh $(PYENV)
	cd python && BLUEOX_SLOW_SECONDS=60 $(abspath $(PYENV))/bin/python -m pytest -q -p no:cacheprovider tests/test_daemon_away.py
	BLUEOX_SPOOL_SCHEDULES=$${SOAK_SCHEDULES:-100000} $(CARGO) test --release -p blueox-log --lib -- spool::tests day_log::spooled::tests

setup:
	@BLUEOX_VENVS=$(VENVS) tests/peers/setup.sh

web: web/node_modules
	cd web && npm run --silent types && node build.mjs

web-check: web/node_modules
	cd web && npm run --silent types && node build.mjs --check

pictures: setup
	$(CARGO) build -p oxd -p oxview --bins
	$(PYTHON) scripts/pictures.py

web/node_modules: web/package-lock.json
	cd web && npm ci --silent --no-audit --no-fund
	@touch $@

clean:
	$(CARGO) clean
	rm -rf $(VENVS) web/node_modules
