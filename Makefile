# Two commands on a fresh machine: `make demo` and `make test`. Each installs what it needs.
.PHONY: demo test test-all test-nodes test-package lint fuzz soak torture clean

demo: node_modules/.package-lock.json
	npm run -s betr -- demo

test: node_modules/.package-lock.json
	npm test

# With the tests that take long: kept out of `make test`, which is for every change.
test-all: node_modules/.package-lock.json
	npm run -s test:all

# The readers and a run from end to end on Node 22 and 24, which come from npm; TESTS names other tests ("test" for all).
test-nodes: node_modules/.package-lock.json
	npm run -s test:nodes -- $(TESTS)

# The packed package, installed and used in folders of its own, on Node 20, 22 and 24.
test-package: node_modules/.package-lock.json
	npm run -s test:package

lint: node_modules/.package-lock.json
	npm run lint

# Ten thousand spoiled files of today's seed; CASES and SEED name others.
fuzz: node_modules/.package-lock.json
	npm run -s fuzz -- $(CASES) $(SEED)

# Ten minutes of load and attacks on the server; SECONDS and SEED name others.
soak: node_modules/.package-lock.json
	npm run -s soak -- $(or $(SECONDS),600) $(SEED)

# A thousand rankings killed in all ways; ROUNDS and SEED name others.
torture: node_modules/.package-lock.json
	node dist/test/crash/main.js $(or $(ROUNDS),1000) $(SEED)

# `npm ci` also builds dist/ (the package's "prepare" script). The tests need no CUDA, whose files would come from another host than the npm registry.
node_modules/.package-lock.json: package.json package-lock.json
	ONNXRUNTIME_NODE_INSTALL=skip npm ci --no-audit --no-fund
	@touch $@

clean:
	rm -rf dist .build .cache demo
