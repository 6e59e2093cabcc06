// Finds the folder of the package, to locate files that ship with it but are not compiled.

import { fileURLToPath } from 'node:url';

/** The folder of package.json; this file is compiled to dist/run/. */
export function productFolder(): string {
  return fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
}
