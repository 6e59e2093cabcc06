// Reads the version and the program from package.json. The command needs them before anything else is loaded,
// so this imports no library.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { productFolder } from './product-folder.ts';

/** The version of this package. */
export function readVersion(): string {
  return readPackage(/"version": "([^"]+)"/);
}

/** The file of the `betr` command, to start it in another process. */
export function betrProgram(): string {
  return join(productFolder(), readPackage(/"betr": "([^"]+\.js)"/));
}

function readPackage(pattern: RegExp): string {
  const path = join(productFolder(), 'package.json');
  const found = pattern.exec(readFileSync(path, 'utf8'))?.[1];
  if (found === undefined) throw new Error(`${path} has nothing like ${pattern}`);
  return found;
}
