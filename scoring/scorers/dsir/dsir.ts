// DSIR (arXiv 2302.03169): how much more likely a document's hashed n-grams are in the target than in the
// pool. The target is the run's benchmark examples, the pool its sample. The score is log w(x) = Σ over the
// n-grams of ln(p + 1e-8) − ln(q + 1e-8), as in the authors' code: a sum, not a mean, so long documents are
// far from 0.

import { z } from 'zod';
import { commitSealedJson, readSealedJson } from '../../../data/files/commit.ts';
import { parquetSource, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { streamChunks } from '../../../data/duckdb/stream.ts';
import { fail } from '../../../run/errors/errors.ts';
import { keyHash } from '../../../data/files/hash.ts';
import { fingerprint, type Run } from '../../../run/run.ts';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readTestTargets } from '../../../indexer/index-card.ts';
import { openHasher } from './hasher.ts';
import { buckets } from './ngrams.ts';
import { readOptions } from '../options.ts';
import type { ScorerKind } from '../kind.ts';
import { formatCount } from '../../../run/amounts.ts';

const floor = 1e-8;
/** From this share of the pool's n-grams in buckets that are empty in the target, the ranking gets a note. */
const emptyShareToNote = 0.001;

const modelSchema = z.strictObject({
  version: z.literal(1),
  smoothing: z.number(),
  targetNgrams: z.number(),
  poolNgrams: z.number(),
  ratios: z.array(z.number()).length(buckets),
});
type Model = z.output<typeof modelSchema>;

export const dsir: ScorerKind = {
  name: 'dsir',
  usage: 'dsir[:smoothing=N,seed=N]',
  takesFile: false,
  async prepare({ main, run, argument }) {
    const { smoothing, seed } = readOptions('dsir', argument, { smoothing: 0, seed: 0 });
    const target = await countFile(main, main.files.examples);
    const pool = await countFile(main, main.files.sample);
    const model = compareCounts(target, pool, smoothing);
    await commitSealedJson(modelFile(run), model);
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
    const model = await readSealedJson(modelFile(run), modelSchema, 'betr rank --scorer dsir');
    if (model === undefined)
      throw fail('STEP_MISSING', { need: 'DSIR model', command: 'betr rank --scorer dsir' });
    const ratios = Float64Array.from(model.ratios);
    const seed = Number(settings['seed']);
    const listBuckets = openHasher();
    const decoder = new TextDecoder();
    return {
      fingerprint: fingerprint({ dsir: 1, model, seed }),
      outputs: ['joint'],
      scoreTexts(text, textEnds, count, out, documents) {
        for (let i = 0; i < count; i++) {
          const score = logWeight(
            ratios,
            listBuckets(decoder.decode(text.subarray(textEnds[i - 1] ?? 0, textEnds[i]))),
          );
          out[i] = Math.fround(score + (seed === 0 ? 0 : gumbel(documents[i] ?? '', seed))) + 0;
        }
      },
    };
  },
};

function modelFile({ files }: Run): string {
  return join(dirname(files.scorer), 'dsir.json');
}

/** log w of a text with n-grams in these buckets, added in order. */
export function logWeight(ratios: Float64Array, ngrams: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < ngrams.length; i++) sum += ratios[ngrams[i] ?? 0] ?? 0;
  return sum;
}

/**
 * ln(p + 1e-8) − ln(q + 1e-8) of every bucket, from n-gram counts; `smoothing` is added to each target count.
 */
export function compareCounts(target: Float64Array, pool: Float64Array, smoothing: number): Model {
  const targetNgrams = sum(target);
  const poolNgrams = sum(pool);
  const share = (counts: Float64Array, bucket: number, added: number, all: number): number =>
    ((counts[bucket] ?? 0) + added) / Math.max(1, all + added * buckets);
  const ratios = Array.from(
    { length: buckets },
    (_, bucket) =>
      Math.log(share(target, bucket, smoothing, targetNgrams) + floor) -
      Math.log(share(pool, bucket, 0, poolNgrams) + floor),
  );
  return { version: 1, smoothing, targetNgrams, poolNgrams, ratios };
}

function listNotes(target: Float64Array, pool: Float64Array, smoothing: number): string[] {
  const unseen =
    pool.reduce((all, count, bucket) => all + ((target[bucket] ?? 0) === 0 ? count : 0), 0) /
    Math.max(1, sum(pool));
  if (smoothing > 0 || unseen < emptyShareToNote) return [];
  return [
    `The target has only ${formatCount(sum(target))} n-grams: ${(100 * unseen).toPrecision(2)} % of ` +
      `the pool's n-grams fall into buckets that are empty in the target. Each of them costs a document ` +
      `about ${Math.round(-Math.log(floor * buckets))} points, so DSIR without smoothing mostly prefers ` +
      'short documents here; dsir:smoothing=1 does not.',
  ];
}

/** Gumbel noise of a document, the same for the same key and seed. */
function gumbel(document: string, seed: number): number {
  const uniform = (Number(keyHash(`gumbel\n${document}`, seed) >> 11n) + 0.5) / 2 ** 53;
  return -Math.log(-Math.log(uniform));
}

function sum(counts: Float64Array): number {
  return counts.reduce((all, count) => all + count, 0);
}

/** Counts the n-grams by bucket over all texts of an index file. */
async function countFile(main: Run, path: string): Promise<Float64Array> {
  if (!existsSync(path)) throw fail('STEP_MISSING', { need: basename(path), command: 'betr index' });
  const counts = new Float64Array(buckets);
  const listBuckets = openHasher();
  await withDuckDb({ memoryMb: 1024, spill: join(main.folder, 'spill') }, async (connection) => {
    for await (const chunk of streamChunks(connection, `SELECT text FROM ${parquetSource(path)}`)) {
      for (const [text] of chunk.getRows())
        for (const bucket of listBuckets(z.string().parse(text))) counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
  });
  return counts;
}
