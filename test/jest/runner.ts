// Runs a test file as Jest does, but Node loads it and what it imports.

import { createRequire, register } from 'node:module';
import { pathToFileURL } from 'node:url';
import jestRunner from 'jest-circus/runner';

interface Runtime {
  requireInternalModule: (path: string) => unknown;
  requireModuleOrMock: (from: string, name: string) => unknown;
  unstable_shouldLoadAsEsm: (path: string) => boolean;
  unstable_importModule: (path: string) => Promise<unknown>;
}

const require = createRequire(import.meta.url);
register('./resolve.js', import.meta.url);

let files = 0;

export default function runFile(...given: [unknown, unknown, unknown, Runtime, string]): Promise<unknown> {
  const [, , , runtime, testPath] = given;
  // The list of tests is in this module, so each file gets a new one.
  runtime.requireInternalModule = (path) => {
    Reflect.deleteProperty(require.cache, path);
    return require(path);
  };
  runtime.unstable_shouldLoadAsEsm = () => true;
  runtime.unstable_importModule = (path) => {
    Object.assign(globalThis, { testGlobals: runtime.requireModuleOrMock(testPath, '@jest/globals') });
    files++;
    return import(`${pathToFileURL(path).href}?${files}`);
  };
  return jestRunner.default(...given).finally(() => {
    // What a file sets with jest.setTimeout and jest.retryTimes, and what watches its tests.
    for (const name of ['TEST_TIMEOUT_SYMBOL', 'RETRY_TIMES', 'LOG_ERRORS_BEFORE_RETRY', 'EVENT_HANDLERS'])
      Reflect.deleteProperty(globalThis, Symbol.for(name));
  });
}
