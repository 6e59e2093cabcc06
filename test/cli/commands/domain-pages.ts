// A project whose pages are assigned to domains: kitchens, which go with low errors, and space.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csv } from '../../domains/tables.ts';
import { jsonl, makeDocuments } from '../project.ts';

export const models = Array.from({ length: 24 }, (_, m) => `lab${m % 8}/model-${m}`);
/** Better models have lower losses on kitchens, and lower errors; space is the other way round. */
const losses = csv([
  ['domain', ...models],
  ['kitchen', ...models.map((_, m) => 2 - m * 0.05 + (m % 3) * 0.02)],
  ['space', ...models.map((_, m) => 1 + m * 0.04 + (m % 5) * 0.01)],
]);
export const errors = csv([
  ['benchmark', ...models],
  ['cooking', ...models.map((_, m) => (0.9 - m * 0.03).toFixed(3))],
]);
const tokens = csv([
  ['domain', 'tokens'],
  ['kitchen', 500_000],
  ['space', 500_000],
]);

/** Makes a project whose pages are assigned to two domains. Returns its folder. */
export async function makePagesProject(): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'betr-cli-pages-'));
  const files: Record<string, string> = {
    'bpb.csv': losses,
    'error.csv': errors,
    'tokens.csv': tokens,
    'pages.jsonl': jsonl([
      ...makeDocuments(1200),
      '{"broken',
      ...makeDocuments(3),
      { id: 'lost', source: 'elsewhere', text: 'of no domain' },
    ]),
    'corpus.jsonl': jsonl(makeDocuments(400, 2000)),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text);
  const settings = {
    corpus: { files: ['corpus.jsonl'] },
    domains: {
      losses: 'bpb.csv',
      errors: 'error.csv',
      tokens: 'tokens.csv',
      keepRate: 0.5,
      pages: ['pages.jsonl'],
    },
    classifier: { bits: 14, epochs: 3 },
  };
  await writeFile(join(project, 'betr.yaml'), JSON.stringify(settings));
  return project;
}
