// Where the product lies: files that ship with it but are not compiled are found from here.

import { fileURLToPath } from 'node:url';

/** The folder of package.json; this file is compiled to dist/data/. */
export function productFolder(): string {
  return fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
}
