// `npm run docs`: regenerates the reference pages after commands, errors or recipes have changed, and the schema
// by which the Python worker checks its jobs.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jobJsonSchema } from '../../models/trainer/job.ts';
import { makeReference } from './reference.ts';

for (const [name, text] of Object.entries(await makeReference())) await writeFile(join('docs', name), text);
await writeFile(join('trainer', 'betr_trainer', 'job.schema.json'), jobJsonSchema());
