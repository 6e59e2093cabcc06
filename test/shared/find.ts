// The models and data beside the checkout (../shared), which some tests use where they are there.

import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * Absolute path of a file or folder in ../shared (BETR_SHARED names another place); undefined, and said so,
 * where it is not there.
 */
export function findShared(...parts: string[]): string | undefined {
  const path = resolve(process.env['BETR_SHARED'] ?? join(dirname(process.cwd()), 'shared'), ...parts);
  if (existsSync(path)) return path;
  process.stdout.write(`skipped: there is no ${path}\n`);
  return undefined;
}
