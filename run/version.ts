// What package.json says of the product: its version and its program.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { productFolder } from './product-folder.ts';

const packageSchema = z.object({ version: z.string(), bin: z.object({ betr: z.string() }) });

function readPackage(): z.output<typeof packageSchema> {
  return packageSchema.parse(JSON.parse(readFileSync(join(productFolder(), 'package.json'), 'utf8')));
}

/** The version of this package. */
export function readVersion(): string {
  return readPackage().version;
}

/** The file of the `betr` command, to start it in a process of its own. */
export function betrProgram(): string {
  const { bin } = readPackage();
  return join(productFolder(), bin.betr);
}
