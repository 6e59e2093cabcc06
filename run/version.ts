// What package.json says of the product: its version and its program.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { productFolder } from './product-folder.ts';

// By patterns and without a schema: this is read before a command's libraries are loaded.
function readField(pattern: RegExp): string | undefined {
  return pattern.exec(readFileSync(join(productFolder(), 'package.json'), 'utf8'))?.[1];
}

/** The version of this package. */
export function readVersion(): string {
  return readField(/"version": "([^"]+)"/) ?? 'unknown';
}

/** The file of the `betr` command, to start it in a process of its own. */
export function betrProgram(): string {
  return join(productFolder(), readField(/"bin": \{\s*"betr": "([^"]+)"/) ?? '');
}
