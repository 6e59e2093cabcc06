// A whole run in miniature for tests of the server: a corpus in every format, two benchmarks, a fake
// embeddings endpoint; and `betr serve` in a process of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { compress } from '../data/compression/zstd.ts';
import { trainClassifier } from '../../classifier/train.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';
import { runIndex } from '../../indexer/index.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';

export const program = fileURLToPath(new URL('../../cli/betr.js', import.meta.url));

export interface TestDocument {
  id: string;
  source: string;
  text: string;
}

export interface RealRun {
  run: Run;
  bag: BagOfWords;
  /** By shard, in the order of the rows. */
  shards: ReadonlyMap<string, readonly TestDocument[]>;
  close: () => Promise<void>;
}

const topics = [
  ['boil', 'bake', 'stir', 'salt', 'flour', 'oven', 'butter', 'pan', 'soup', 'dough', 'knife', 'dish'],
  ['star', 'orbit', 'planet', 'comet', 'galaxy', 'moon', 'rocket', 'light', 'sun', 'probe', 'dust', 'field'],
  ['goal', 'match', 'team', 'ball', 'coach', 'score', 'league', 'fans', 'kick', 'pitch', 'season', 'cup'],
];

/** Words of a topic in an order of their own for each number. */
export function writeText(topic: number, number: number): string {
  const words = topics[topic] ?? [];
  const chosen = Array.from({ length: 24 }, (_, i) => words[(number * (i + 3) + i * i) % words.length]);
  return `${chosen.join(' ')} — Nº ${number} 🙂 of ${'x'.repeat(number % 7)}`;
}

/** Makes the run's files without doing a step. */
export async function makeRealRun(): Promise<RealRun> {
  const root = await mkdtemp(join(tmpdir(), 'betr-server-'));
  const bag = await openBagOfWords();
  const shards = new Map<string, TestDocument[]>();
  const endings = ['jsonl', 'jsonl.gz', 'jsonl.zst', 'parquet'];
  for (const [at, ending] of endings.entries()) {
    const documents = Array.from({ length: 200 }, (_, i) => ({
      id: `d${at}-${i}`,
      source: ['kitchen', 'space', 'sport'][i % 3] ?? '',
      text: writeText(i % 3, at * 200 + i),
    }));
    shards.set(`corpus/part-${at}.${ending}`, documents);
  }
  await mkdir(join(root, 'corpus'));
  for (const [name, documents] of shards) await writeShard(join(root, name), documents);
  const examples = (topic: number): string =>
    Array.from(
      { length: 12 },
      (_, i) =>
        `${JSON.stringify({ id: `e${i}`, question: `What of ${writeText(topic, 5000 + i)}?`, answer: 'that' })}\n`,
    ).join('');
  await writeFile(join(root, 'cooking.jsonl'), examples(0));
  await writeFile(join(root, 'astronomy.jsonl'), examples(1));
  const settings = {
    corpus: { files: ['corpus/*'] },
    benchmarks: ['cooking', 'astronomy'].map((name) => ({ name, files: [`${name}.jsonl`] })),
    sample: { documents: 700 },
    embedding: { model: bag.url, endpointModel: 'bag' },
    classifier: { bits: 14, epochs: 3 },
    workers: 1,
  };
  await writeFile(join(root, 'betr.yaml'), JSON.stringify(settings)); // JSON is YAML.
  return {
    run: await openRun(join(root, 'betr.yaml')),
    bag,
    shards,
    close: async () => {
      await bag.close();
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The run, indexed, trained and ranked. */
export async function makeRankedRun(): Promise<RealRun> {
  const made = await makeRealRun();
  await runIndex(made.run, silent);
  await trainClassifier(made.run, silent);
  await rankCorpus(made.run, silent);
  return made;
}

async function writeShard(path: string, documents: readonly TestDocument[]): Promise<void> {
  const lines = documents.map((document) => `${JSON.stringify(document)}\n`).join('');
  if (path.endsWith('.gz')) await writeFile(path, gzipSync(lines));
  else if (path.endsWith('.zst')) await writeFile(path, compress(Buffer.from(lines)));
  else if (!path.endsWith('.parquet')) await writeFile(path, lines);
  else {
    const values = documents
      .map(({ id, source, text }) => `(${[id, source, text].map(sqlString).join(', ')})`)
      .join(', ');
    await withDuckDb({ threads: 1 }, (connection) =>
      connection.run(
        `COPY (SELECT * FROM (VALUES ${values}) AS t (id, source, text)) TO ${sqlString(path)} (FORMAT parquet)`,
      ),
    );
  }
}

export interface ServerProcess {
  url: string;
  child: ChildProcess;
  /** What it has written to standard error so far. */
  complaints: () => string;
  /** Sends a signal and waits for the end. */
  end: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** `betr serve` on any free port. */
export async function startServer(run: Run): Promise<ServerProcess> {
  const child = spawn(
    process.execPath,
    [program, 'serve', '--config', run.settingsPath, '--port', '0', '--json'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  let complaints = '';
  child.stderr.on('data', (bytes: Buffer) => (complaints += bytes.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes('}')) resolve(z.object({ url: z.string() }).parse(JSON.parse(said)).url);
    });
    void ended.then((code) => reject(new Error(`betr serve ended with ${code}: ${complaints}`)));
  });
  return {
    url,
    child,
    complaints: () => complaints,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}
