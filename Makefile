# `make demo` and `make test` work on a fresh checkout: each target installs what it needs.
.PHONY: build demo trials-demo test test-slow test-all test-nodes test-package trainer test-trainer lint format fuzz \
  soak torture clean

# Compiles what has changed. Every target below that runs the product does this first, here or in its npm script.
build: node_modules/.package-lock.json
	npm run -s build

demo: build
	npm run -s betr -- demo

# Trains small models on the demo's corpus and compares them: about five minutes on two idle cores. Needs `make trainer`.
trials-demo: build
	node dist/bench/trials-demo.js

test: node_modules/.package-lock.json
	npm test

# The files that have slow tests, with these.
test-slow: node_modules/.package-lock.json
	npm run -s test:slow

# All tests.
test-all: node_modules/.package-lock.json
	npm run -s test:all

# The readers and one full run on Node 22 and 24, installed from npm. TESTS selects other tests ("test": all).
test-nodes: node_modules/.package-lock.json
	npm run -s test:nodes -- $(TESTS)

# The packed package, installed and used in empty folders, on Node 20, 22 and 24.
test-package: node_modules/.package-lock.json
	npm run -s test:package

# The Python worker that trains models, installed into .cache/trainer: several minutes and gigabytes the first time.
# PYTHON names another interpreter than python3.
trainer:
	scripts/trainer.sh

# Its lint and tests. TESTS selects some ("TESTS=tests/test_data.py").
test-trainer: trainer
	cd trainer && ../.cache/trainer/bin/ruff check . && ../.cache/trainer/bin/ruff format --check . && \
	  ../.cache/trainer/bin/python -m pytest $(TESTS)

lint: node_modules/.package-lock.json
	npm run -s lint

format: node_modules/.package-lock.json
	npm run -s format

# 10,000 corrupted files. CASES sets another number, SEED another seed than today's date.
fuzz: node_modules/.package-lock.json
	npm run -s fuzz -- $(CASES) $(SEED)

# Ten minutes of load and attacks on the server. SECONDS and SEED set others.
soak: node_modules/.package-lock.json
	npm run -s soak -- $(or $(SECONDS),600) $(SEED)

# 1,000 rankings killed at random moments. ROUNDS and SEED set others.
torture: build
	node dist/test/crash/main.js $(or $(ROUNDS),1000) $(SEED)

# `npm ci` also builds dist/ (the "prepare" script). It skips CUDA, which tests do not need and which does not come
# from the npm registry.
node_modules/.package-lock.json: package.json package-lock.json
	ONNXRUNTIME_NODE_INSTALL=skip npm ci --no-audit --no-fund
	@touch $@

clean:
	rm -rf dist .cache demo
