// DSIR (arXiv 2302.03169): how much more likely a document's hashed n-grams are in the target than in the
// pool. The target is the run's benchmark examples, the pool its sample. The score is log w(x) = Σ over the
// n-grams of ln(p + 1e-8) − ln(q + 1e-8), as in the authors' code: a sum, not a mean, so long documents are
// far from 0.

import { z } from 'zod';
import { commitSealedJson, readSealedJson } from '../../../data/files/commit.ts';
import { parquetSource, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { streamChunks } from '../../../data/duckdb/stream.ts';
import { fail } from '../../../run/errors/errors.ts';
import { fingerprint, type Run } from '../../../run/run.ts';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readTestTargets } from '../../../indexer/index-card.ts';
import { openHasher } from './hasher.ts';
import { compareCounts, floor, modelSchema, openModels, sum } from './model.ts';
import { buckets } from './ngrams.ts';
import { foldCount, openFolds } from '../../../classifier/folds.ts';
import { crossFitNote } from '../cross-fit.ts';
import { readOptions } from '../options.ts';
import type { ScorerKind } from '../kind.ts';
import { formatCount, formatShare } from '../../../run/amounts.ts';

/** From this share of the pool's n-grams in buckets that are empty in the target, the ranking gets a note. */
const emptyShareToNote = 0.001;
const rankCommand = 'betr rank --scorer dsir';
const foldsSchema = z.strictObject({ bits: z.number(), seed: z.number(), models: z.array(modelSchema) });

export const dsir: ScorerKind = {
  name: 'dsir',
  usage: 'dsir[:smoothing=N,seed=N]',
  takesFile: false,
  async prepare({ main, run, argument }) {
    const { smoothing, seed } = readOptions('dsir', argument, defaults);
    const target = await countFile(main, main.files.examples);
    const pool = await countFile(main, main.files.sample);
    const model = compareCounts(target, pool, smoothing);
    await commitSealedJson(fileOf(run, 'dsir.json'), model);
    return {
      kind: 'dsir',
      file: '',
      settings: { seed },
      outputs: ['joint'],
      fingerprint: fingerprint({ dsir: 1, model, seed }),
      notes: listNotes(target, pool, smoothing),
      testTargets: await readTestTargets(main),
    };
  },
  async open(run, { settings }) {
    const model = await readSealedJson(fileOf(run, 'dsir.json'), modelSchema, rankCommand);
    if (model === undefined) throw fail('STEP_MISSING', { need: 'DSIR model', command: rankCommand });
    const seed = Number(settings['seed']);
    return {
      fingerprint: fingerprint({ dsir: 1, model, seed }),
      outputs: ['joint'],
      scoreTexts: openModels([model], seed, () => 0),
    };
  },
  // A document's own n-grams are missing from its pool. The ratios are comparable as they are: all pools are
  // random parts of one.
  crossFit: {
    async prepare(context) {
      const plain = await dsir.prepare(context);
      const { main, run, argument } = context;
      const { smoothing } = readOptions('dsir', argument, defaults);
      const { bits, seed } = main.settings.classifier;
      const target = await countFile(main, main.files.examples);
      const pools = await countFolds(main, openFolds(bits, seed));
      const folds = { bits, seed, models: pools.map((pool) => compareCounts(target, pool, smoothing)) };
      await commitSealedJson(fileOf(run, 'dsir-folds.json'), folds);
      return {
        ...plain,
        fingerprint: fingerprintFolds(folds, Number(plain.settings['seed'])),
        crossFits: plain.fingerprint,
        notes: [crossFitNote, ...plain.notes],
      };
    },
    async open(run, { settings }) {
      const folds = await readSealedJson(fileOf(run, 'dsir-folds.json'), foldsSchema, rankCommand);
      if (folds === undefined) throw fail('STEP_MISSING', { need: 'DSIR model', command: rankCommand });
      const seed = Number(settings['seed']);
      return {
        fingerprint: fingerprintFolds(folds, seed),
        outputs: ['joint'],
        scoreTexts: openModels(folds.models, seed, openFolds(folds.bits, folds.seed)),
      };
    },
  },
};

const defaults = { smoothing: 0, seed: 0 };

function fingerprintFolds(folds: z.output<typeof foldsSchema>, seed: number): string {
  return fingerprint({ dsir: 1, folds, seed });
}

function fileOf({ files }: Run, name: string): string {
  return join(dirname(files.scorer), name);
}

function listNotes(target: Float64Array, pool: Float64Array, smoothing: number): string[] {
  const unseen =
    pool.reduce((all, count, bucket) => all + ((target[bucket] ?? 0) === 0 ? count : 0), 0) /
    Math.max(1, sum(pool));
  if (smoothing > 0 || unseen < emptyShareToNote) return [];
  return [
    `The target has only ${formatCount(sum(target))} n-grams: ${formatShare(unseen, 2)} of ` +
      `the pool's n-grams fall into buckets that are empty in the target. Each of them costs a document ` +
      `about ${Math.round(-Math.log(floor * buckets))} points, so DSIR without smoothing mostly prefers ` +
      'short documents here; dsir:smoothing=1 does not.',
  ];
}

/** Counts the n-grams by bucket over all texts of an index file. */
async function countFile(main: Run, path: string): Promise<Float64Array> {
  const counts = new Float64Array(buckets);
  await readTexts(main, path, (_text, found) => add(counts, found));
  return counts;
}

/** The pool of each fold: the n-grams of the sample's documents in other folds. */
async function countFolds(
  main: Run,
  foldOfText: (text: Uint8Array, start: number, end: number) => number,
): Promise<Float64Array[]> {
  const folds = Array.from({ length: foldCount }, () => new Float64Array(buckets));
  await readTexts(main, main.files.sample, (text, found) => {
    const bytes = Buffer.from(text);
    const counts = folds[foldOfText(bytes, 0, bytes.length)];
    if (counts !== undefined) add(counts, found);
  });
  return folds.map((own) =>
    own.map((_, bucket) =>
      folds.reduce((all, counts) => (counts === own ? all : all + (counts[bucket] ?? 0)), 0),
    ),
  );
}

function add(counts: Float64Array, found: ArrayLike<number>): void {
  for (let i = 0; i < found.length; i++) {
    const bucket = found[i] ?? 0;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
}

/** Calls `take` with each text of an index file and the buckets of its n-grams. */
async function readTexts(
  main: Run,
  path: string,
  take: (text: string, found: ArrayLike<number>) => void,
): Promise<void> {
  if (!existsSync(path)) throw fail('STEP_MISSING', { need: basename(path), command: 'betr index' });
  const listBuckets = openHasher();
  await withDuckDb({ memoryMb: 1024, spill: join(main.folder, 'spill') }, async (connection) => {
    for await (const chunk of streamChunks(connection, `SELECT text FROM ${parquetSource(path)}`)) {
      for (const [value] of chunk.getRows()) {
        const text = z.string().parse(value);
        take(text, listBuckets(text));
      }
    }
  });
}
