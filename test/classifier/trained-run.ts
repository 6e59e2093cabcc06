// A run with a classifier of chance weights, as `betr index` and `betr train` would leave it, made in
// milliseconds; and corpora of chance words.

import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { cardSchema } from '../../classifier/classifier-card.ts';
import { foldCount, foldFile } from '../../classifier/folds.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { openWeights, tableBytes, writeWeights } from '../../classifier/weights.ts';
import { commitSealedJson } from '../../data/files/commit.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { openRun, type Run } from '../../run/run.ts';
import { settingsSchema } from '../../run/settings.ts';
import { tokenRatesSchema } from '../../indexer/sample/tokens.ts';
import { withFolder } from '../data/collect.ts';

const bits = 12;

export interface TrainedRunOptions {
  files?: string[];
  chunkMegabytes?: number;
  workers?: number;
  beatSeconds?: number;
  lostSeconds?: number;
  outputs?: string[];
  seed?: number;
  more?: object;
}

/**
 * Makes betr.yaml in `folder` and the run beside it. Called again, it changes the settings and, with another
 * seed, the classifier.
 */
export async function makeTrainedRun(folder: string, options: TrainedRunOptions = {}): Promise<Run> {
  const {
    files = ['corpus/*'],
    chunkMegabytes = 0.02,
    workers = 1,
    beatSeconds = 0.1,
    lostSeconds = 1,
    outputs = ['joint', 'alpha'],
    seed = 1,
    more = {},
  } = options;
  await mkdir(folder, { recursive: true });
  const settings = {
    corpus: { files },
    benchmarks: [{ name: 'alpha', files: ['none.jsonl'] }],
    workers,
    scoring: { chunkMegabytes, beatSeconds, lostSeconds },
    ...more,
  };
  await writeFile(join(folder, 'betr.yaml'), JSON.stringify(settings));
  const run = await openRun(join(folder, 'betr.yaml'));
  const random = openRandom(seed);
  const writeChance = (path: string): Promise<string> =>
    writeWeights(
      path,
      openWeights(
        bits,
        outputs.map((name) => ({ name, bias: 0.01, scale: 0.02 })),
        Int8Array.from({ length: tableBytes(bits, outputs.length) }, () => Math.floor(random() * 255) - 127),
      ),
    );
  const weightsSha256 = await writeChance(run.files.weights);
  const foldsSha256: string[] = [];
  for (let fold = 0; fold < foldCount; fold++) foldsSha256.push(await writeChance(foldFile(run, fold)));
  const interval = { value: 0.9, low: 0.8, high: 1 };
  const hash = '0'.repeat(64);
  await commitSealedJson(
    run.files.card,
    cardSchema.parse({
      version: 2,
      outputs: outputs.map((name) => ({
        name,
        heldOut: { rocAuc: interval, balancedAccuracy: interval, spearman: interval, kept: [] },
      })),
      features: { ngrams: '', hash: '', normalisation: '', bits, minCount: 1, binsUsed: 1 },
      labels: { top: 0.1, softened: '', balance: '' },
      training: { method: '', seed, epochs: 1, epochsRun: 1, heldOutLosses: [1] },
      documents: { training: 1, heldOut: 1, withoutTarget: 0 },
      crossFit: {
        folds: foldCount,
        assignment: '',
        alignment: '',
        measured: 1,
        mostMeasured: 1,
        epochsRun: [1],
        weightsSha256: foldsSha256,
      },
      inputs: {
        sample: hash,
        targets: hash,
        settings: settingsSchema.parse({ corpus: { files }, benchmarks: settings.benchmarks }).classifier,
      },
      weightsSha256,
      notes: [],
    }),
  );
  const rate = { documents: 1, bytes: 4, tokens: 1, tokensPerByte: 0.25 };
  await commitSealedJson(
    run.files.tokens,
    tokenRatesSchema.parse({ tokenizer: 'none', sample: '', overall: rate, sources: {} }),
  );
  return run;
}

/** So many JSON lines of chance words; of every hundred one is bad, one blank, and one has no key. */
export function makeLines(count: number, seed: number): string {
  const random = openRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    if (i % 100 === 17) return '{"id": "cut short\n';
    if (i % 100 === 43) return '\n';
    const text = Array.from(
      { length: 5 + Math.floor(random() * 40) },
      () => `word${Math.floor(random() * 500)}`,
    ).join(' ');
    const key = i % 100 === 71 ? {} : { id: `s${seed}-${i}` };
    const tokens = i % 3 === 0 ? { tokens: (i % 50) + 1 } : {};
    return `${JSON.stringify({ ...key, source: `source-${i % 4}`, ...tokens, text })}\n`;
  }).join('');
}

/** A corpus of all formats, with its modification times fixed. */
export async function makeCorpus(folder: string): Promise<void> {
  const corpus = join(folder, 'corpus');
  await mkdir(corpus, { recursive: true });
  await writeFile(join(corpus, 'plain.jsonl'), makeLines(600, 1));
  await writeFile(join(corpus, 'packed.jsonl.gz'), gzipSync(makeLines(500, 2)));
  await writeFile(join(folder, 'rows.jsonl'), makeLines(400, 3).replaceAll('{"id": "cut short\n', '\n'));
  await withDuckDb({ threads: 1 }, (connection) =>
    connection.run(
      'COPY (SELECT id, text, source, tokens FROM ' +
        `read_json(${sqlString(join(folder, 'rows.jsonl'))}, format = 'newline_delimited', columns = ` +
        `{id: 'VARCHAR', text: 'VARCHAR', source: 'VARCHAR', tokens: 'BIGINT'}))
      TO ${sqlString(join(corpus, 'rows.parquet'))} (FORMAT parquet, ROW_GROUP_SIZE 100)`,
    ),
  );
  for (const name of await readdir(corpus)) await utimes(join(corpus, name), 1_700_000_000, 1_700_000_000);
}

/** Calls `use` with a trained run over such a corpus. */
export async function withCorpus(
  use: (run: Run, folder: string) => Promise<void>,
  options: TrainedRunOptions = {},
): Promise<void> {
  await withFolder(async (folder) => {
    await makeCorpus(folder);
    await use(await makeTrainedRun(folder, options), folder);
  });
}

/** Removes everything that ranking writes. */
export async function forgetScores({ files }: Run): Promise<void> {
  for (const path of [
    files.scores,
    files.manifest,
    files.leases,
    files.plan,
    files.ranking,
    files.quarantine,
    files.lock,
  ])
    await rm(path, { recursive: true, force: true });
}
