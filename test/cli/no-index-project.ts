// A project that no model can embed, for rankings that need no index; and their commands.

import { expect } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { openRun, type Run } from '../../run/run.ts';
import { betr } from './betr.ts';
import { jsonl, makeDocuments, makeProject } from './project.ts';

export const nowhere = 'http://127.0.0.1:1/v1';
export const documents = makeDocuments(1200);
export const tests = [
  { name: 'cooking', files: ['cooking.jsonl'], tests: ['held-out.jsonl'] },
  { name: 'astronomy', files: ['astronomy.jsonl'] },
];

/** Writes the project, with more test items for a benchmark, and opens its run. */
export async function make(into: string): Promise<Run> {
  const shards = {
    'a.jsonl': jsonl(documents.slice(0, 700)),
    'b.jsonl.gz': gzipSync(jsonl(documents.slice(700))),
  };
  await makeProject(into, nowhere, { shards, settings: { benchmarks: tests } });
  await writeFile(
    join(into, 'held-out.jsonl'),
    jsonl(
      Array.from({ length: 30 }, (_, i) => ({
        question: `How do I bake and stir number ${i}?`,
        answer: 'with butter, flour and salt',
      })),
    ),
  );
  return openRun(join(into, 'betr.yaml'));
}

const summary = z.object({
  ranking: z.object({ documents: z.number(), tokens: z.number(), estimatedDocuments: z.number() }),
  notes: z.array(z.string()),
  scores: z.unknown().optional(),
});

/** Ranks by a scorer without embedding anything. */
export async function rank(folder: string, scorer: string): Promise<z.output<typeof summary>['ranking']> {
  const { code, stdout, stderr } = await betr(folder, ['rank', '--scorer', scorer, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('embed') });
  return summary.parse(JSON.parse(stdout)).ranking;
}
