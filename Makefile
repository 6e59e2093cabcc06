# Two commands on a fresh machine: `make demo` and `make test`. Each installs what it needs.
.PHONY: build demo test test-all test-nodes test-package lint format fuzz soak torture clean

# Compiles what has changed; every target below that runs the product begins with it.
build: node_modules/.package-lock.json
	npm run -s build

demo: build
	npm run -s betr -- demo

test: node_modules/.package-lock.json
	npm test

# With the tests that take long: kept out of `make test`, which is for every change.
test-all: build
	npm run -s test:all

# The readers and a run from end to end on Node 22 and 24, which come from npm; TESTS names other tests ("test" for all).
test-nodes: build
	npm run -s test:nodes -- $(TESTS)

# The packed package, installed and used in folders of its own, on Node 20, 22 and 24.
test-package: node_modules/.package-lock.json
	npm run -s test:package

lint: node_modules/.package-lock.json
	npm run -s lint

format: node_modules/.package-lock.json
	npm run -s format

# Ten thousand spoiled files of today's seed; CASES and SEED name others.
fuzz: build
	npm run -s fuzz -- $(CASES) $(SEED)

# Ten minutes of load and attacks on the server; SECONDS and SEED name others.
soak: build
	npm run -s soak -- $(or $(SECONDS),600) $(SEED)

# A thousand rankings killed in all ways; ROUNDS and SEED name others.
torture: build
	node dist/test/crash/main.js $(or $(ROUNDS),1000) $(SEED)

# `npm ci` also builds dist/ (the package's "prepare" script). The tests need no CUDA, whose files would come from another host than the npm registry.
node_modules/.package-lock.json: package.json package-lock.json
	ONNXRUNTIME_NODE_INSTALL=skip npm ci --no-audit --no-fund
	@touch $@

clean:
	rm -rf dist .cache demo
