// Jest runs the compiled tests on the compiled product: the very files that ship, workers and WebAssembly included.
export default {
  rootDir: 'dist',
  testEnvironment: '<rootDir>/test/environment.js',
  testSequencer: '<rootDir>/test/sequencer.js',
  testMatch: ['<rootDir>/test/**/*.test.js'],
  transform: {},
  // Jest would leave one core to its own process, which has little to do.
  maxWorkers: '100%',
  testTimeout: 60_000,
};
