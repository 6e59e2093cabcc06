// `npm run docs`: regenerates the reference pages after commands, errors or recipes have changed.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeReference } from './reference.ts';

for (const [name, text] of Object.entries(await makeReference())) await writeFile(join('docs', name), text);
