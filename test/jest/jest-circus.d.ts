// This package has no types for its runner.
declare module 'jest-circus/runner' {
  const runner: { default: (...given: readonly unknown[]) => Promise<unknown> };
  export default runner;
}
