// A small run for tests of the page: a made-up corpus of five subjects, three benchmarks about some of them, and the whole line run on it
// with an embedding endpoint that needs no model.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainClassifier } from '../../classifier/train.ts';
import { silent } from '../../data/progress.ts';
import { openRun, type Run } from '../../data/run.ts';
import { runIndex } from '../../indexer/index.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { openBagOfWords } from '../indexer/bag-of-words.ts';

const subjects: Record<string, readonly string[]> = {
  kitchen: ['boil', 'bake', 'stir', 'salt', 'flour', 'oven', 'butter', 'pan', 'soup', 'dough', 'knife', 'dish'],
  space: ['star', 'orbit', 'planet', 'comet', 'galaxy', 'moon', 'rocket', 'light', 'sun', 'probe', 'dust', 'field'],
  law: ['court', 'judge', 'clause', 'appeal', 'statute', 'witness', 'counsel', 'verdict', 'party', 'claim', 'oath', 'trial'],
  sums: ['add', 'plus', 'minus', 'total', 'number', 'seven', 'twice', 'half', 'equals', 'count', 'each', 'many'],
  gossip: ['star', 'dress', 'party', 'famous', 'photo', 'rumour', 'show', 'fans', 'album', 'red', 'carpet', 'date'],
};
const benchmarks = { cooking: 'kitchen', astronomy: 'space', arithmetic: 'sums' } as const;
const filler = ['the', 'of', 'and', 'a', 'to', 'in', 'is', 'it'];

/** A text about a subject, the same for the same number; every third wanders off into another subject. */
function writeText(subject: string, number: number, length: number): string {
  const names = Object.keys(subjects);
  const other = names[(names.indexOf(subject) + 1 + (number % 3)) % names.length] ?? subject;
  return Array.from({ length }, (_, i) => {
    const of = i % 3 === 0 ? filler : (subjects[number % 3 === 0 && i % 2 === 0 ? other : subject] ?? []);
    return of[(number * (i + 3) + i * i + (number % 11)) % of.length];
  }).join(' ');
}

export interface MadeRun {
  run: Run;
  settingsPath: string;
}

/** Calls `use` with a new run in a temporary folder: ranked, or with nothing done yet (`rank: false`). */
export async function withMadeRun(use: (made: MadeRun) => Promise<void>, { rank = true }: { rank?: boolean } = {}): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-page-'));
  const bag = await openBagOfWords();
  try {
    await writeCorpus(folder);
    const settings = {
      corpus: { files: ['corpus/*.jsonl'] },
      benchmarks: Object.keys(benchmarks).map((name) => ({ name, files: [`${name}.jsonl`] })),
      examples: { perBenchmark: 30 },
      sample: { documents: 500 },
      embedding: { model: bag.url, endpointModel: 'bag' },
      search: { nearest: 100 },
      classifier: { bits: 14 },
      workers: 1,
    };
    const settingsPath = join(folder, 'betr.yaml');
    // Every JSON text is YAML too.
    await writeFile(settingsPath, JSON.stringify(settings));
    const run = await openRun(settingsPath);
    if (rank) {
      await runIndex(run, silent);
      await trainClassifier(run, silent);
      await rankCorpus(run, silent);
    }
    await use({ run, settingsPath });
  } finally {
    await bag.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeCorpus(folder: string): Promise<void> {
  await mkdir(join(folder, 'corpus'));
  const documents = Object.keys(subjects).flatMap((source, place) => Array.from({ length: 180 }, (_, i) => ({ id: `${source}-${i}`, source, tokens: 40 + ((i * 7 + place) % 50), text: writeText(source, i + 13 * place, 40 + ((i * 7) % 50)) })));
  for (const shard of [0, 1, 2]) await writeFile(join(folder, 'corpus', `shard-${shard}.jsonl`), lines(documents.filter((_, index) => index % 3 === shard)));
  for (const [name, subject] of Object.entries(benchmarks)) {
    await writeFile(join(folder, `${name}.jsonl`), lines(Array.from({ length: 30 }, (_, i) => ({ id: `${name}-${i}`, question: `${writeText(subject, 3 * i + 1, 12)}?`, answer: writeText(subject, 3 * i + 2, 3) }))));
  }
}

function lines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
