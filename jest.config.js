// Jest runs the compiled tests on the compiled product: the very files that ship, workers and WebAssembly included.
export default {
  rootDir: 'dist',
  testEnvironment: '<rootDir>/test/environment.js',
  testMatch: ['<rootDir>/test/**/*.test.js'],
  transform: {},
  testTimeout: 60_000,
};
