// Finds the modules that tests import. Those below test/ are loaded for each test file, because many of them hold
// what belongs to one file, such as a server; the number behind the file's address tells them apart. They get Jest's
// functions for that file.

import type { ResolveHook } from 'node:module';

const tests = new URL('../', import.meta.url).href;
const functions = 'afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest';

export const resolve: ResolveHook = async (specifier, context, next) => {
  const number = context.parentURL === undefined ? '' : new URL(context.parentURL).search;
  if (specifier === '@jest/globals') {
    const source = `export const { ${functions} } = globalThis.testGlobals; // ${number}`;
    return { url: `data:text/javascript,${source}`, format: 'module', shortCircuit: true };
  }
  const found = await next(specifier, context);
  return found.url.startsWith(tests) ? { ...found, url: found.url + number } : found;
};
