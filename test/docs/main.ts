// `npm run docs`: writes the reference pages again, after commands or errors have changed.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeReference } from './reference.ts';

for (const [name, text] of Object.entries(await makeReference())) await writeFile(join('docs', name), text);
