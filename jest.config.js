import { availableParallelism } from 'node:os';

// Jest runs the compiled tests on the compiled product: the very files that ship, workers and WebAssembly
// included.
export default {
  rootDir: 'dist',
  testEnvironment: '<rootDir>/test/environment.js',
  testSequencer: '<rootDir>/test/sequencer.js',
  testMatch: ['<rootDir>/test/**/*.test.js'],
  transform: {},
  // One more than there are cores, as some tests wait: for a process to end, a lease to run out.
  maxWorkers: availableParallelism() + 1,
  testTimeout: 60_000,
};
