import { availableParallelism } from 'node:os';

// Jest runs the compiled tests on the compiled product: the files that ship, including workers and WebAssembly.
export default {
  rootDir: 'dist',
  testEnvironment: '<rootDir>/test/environment.js',
  globalSetup: '<rootDir>/test/made-once/setup.js',
  globalTeardown: '<rootDir>/test/made-once/teardown.js',
  testSequencer: '<rootDir>/test/sequencer.js',
  testMatch: ['<rootDir>/test/**/*.test.js'],
  transform: {},
  // One more than there are cores, because some tests mostly wait: for a process to exit, a lease to expire.
  maxWorkers: availableParallelism() + 1,
  testTimeout: 60_000,
};
