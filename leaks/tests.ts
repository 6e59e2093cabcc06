// The fingerprint of benchmark test files.

import type { ListedFile } from '../data/documents.ts';
import { fingerprint } from '../run/run.ts';
import { readRecipes } from '../indexer/examples/recipes.ts';
import { sha256File } from '../data/files/hash-files.ts';

/** Changes with the content of the test files and with the rules that turn them into texts. */
export async function fingerprintTests(files: readonly ListedFile[]): Promise<string> {
  return fingerprint([
    readRecipes().fingerprint,
    await Promise.all(files.map(async ({ name, path }) => [name, await sha256File(path)])),
  ]);
}
