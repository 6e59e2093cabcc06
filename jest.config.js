import { availableParallelism } from 'node:os';

// Jest runs the compiled tests on the compiled product: the files that ship, including workers and WebAssembly.
export default {
  rootDir: 'dist',
  testRunner: '<rootDir>/test/jest/runner.js',
  testEnvironment: '<rootDir>/test/jest/environment.js',
  injectGlobals: false,
  globalSetup: '<rootDir>/test/made-once/setup.js',
  globalTeardown: '<rootDir>/test/made-once/teardown.js',
  testSequencer: '<rootDir>/test/sequencer.js',
  testMatch: ['<rootDir>/test/**/*.test.js'],
  transform: {},
  // One more than there are cores, because some tests mostly wait: for a process to exit, a lease to expire.
  maxWorkers: availableParallelism() + 1,
  // A worker that is done frees hundreds of megabytes and the threads of native modules. This takes 0.3 s, and
  // on a busy machine longer than the 0.5 s that Jest waits by default.
  workerGracefulExitTimeout: 10_000,
  testTimeout: 60_000,
};
