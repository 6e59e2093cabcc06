// The fuzzer: makes a project once, then damages one file at a time and reads it in a separate process. `main.ts`
// and the test run it.

import { fork, type ChildProcess } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { compress } from '../data/compression/zstd.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { trainClassifier } from '../../classifier/train.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { openRun } from '../../run/run.ts';
import { runIndex } from '../../indexer/index.ts';
import { openVectors } from '../../indexer/vectors/vectors.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { jsonl, makeDocuments, makeProject } from '../cli/project.ts';
import { openBagOfWords } from '../indexer/bag-of-words.ts';
import type { Answer } from './child.ts';
import { kinds, pointer, vectorTexts } from './kinds.ts';
import { mutateBytes, mutateJson } from './mutate.ts';

/** Limits of CPU time, and of wall-clock time for a process that waits. */
const hangSeconds = 5;
const stuckMs = 60_000;
/**
 * Reading any file, however damaged, takes less; the longest line is set to 1 MiB here, and DuckDB may take 1
 * GiB.
 */
const boundMb = 1_500;
/** A new process now and then, so that the peak of one case does not hide that of the next. */
const casesPerProcess = 400;

export interface FuzzResult {
  /** By kind and outcome, how many cases. */
  outcomes: Record<string, Record<string, number>>;
  /** What went wrong, with the case's number and the path of its damaged file. */
  defects: string[];
}

/**
 * Runs the cases `from` up to, not with, `to` of a seed in `folder`. Spoiled files that show a defect are
 * left in folder/defects.
 */
export async function runFuzz(
  folder: string,
  { seed, from = 0, to }: { seed: number; from?: number; to: number },
  report: (done: number) => void = () => undefined,
): Promise<FuzzResult> {
  const whole = join(folder, 'whole');
  await makeWhole(whole);
  const project = join(folder, 'project');
  await cp(whole, project, { recursive: true, preserveTimestamps: true });
  const result: FuzzResult = { outcomes: {}, defects: [] };
  let reader = openReader();
  for (let number = from; number < to; number++) {
    const { kind, file, bytes } = await makeCase(whole, seed, number);
    const path = join(project, file);
    await writeFile(path, bytes);
    const { outcome, defect } = await reader.read({ kind, project, path });
    const counts = (result.outcomes[kind] ??= {});
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    if (defect !== undefined) {
      const kept = join(folder, 'defects', `${number}-${file.replaceAll('/', '_')}`);
      await mkdir(dirname(kept), { recursive: true });
      await writeFile(kept, bytes);
      result.defects.push(`case ${number} of seed ${seed}, ${kind}: ${defect} (${kept})`);
    }
    await restore(whole, project, file);
    if (defect !== undefined || (number + 1) % casesPerProcess === 0) {
      reader.end();
      reader = openReader();
    }
    report(number + 1 - from);
  }
  reader.end();
  return result;
}

async function restore(whole: string, project: string, file: string): Promise<void> {
  // Vectors that are damaged are set aside and made again, under other names.
  const place = file.startsWith('vectors/') ? 'vectors' : file;
  if (place !== file) await rm(join(project, place), { recursive: true });
  await cp(join(whole, place), join(project, place), { recursive: true, preserveTimestamps: true });
}

async function makeWhole(whole: string): Promise<void> {
  const bag = await openBagOfWords();
  try {
    const rows = makeDocuments(600).map(({ id, source, text }, i) => ({
      id: i % 5 === 0 ? i : id,
      text: i % 7 === 0 ? `${text} é "quoted" 🦉\u0001` : text,
      meta: { source },
      tokens: i % 3 === 0 ? 12 : null,
    }));
    await makeProject(whole, bag.url, {
      shards: { 'a.jsonl': jsonl(rows) },
      settings: {
        classifier: { bits: 12, epochs: 1 },
        corpus: { files: ['corpus/*'], fields: { source: 'meta.source' } },
      },
    });
    const run = await openRun(join(whole, 'betr.yaml'));
    await runIndex(run, silent);
    await trainClassifier(run, silent);
    await rankCorpus(run, silent);
    const [few, more] = [jsonl(rows.slice(0, 50)), jsonl(rows.slice(50, 80))];
    const skippable = Buffer.from('502a4d1803000000616263', 'hex');
    await mkdir(join(whole, 'other'));
    await writeFile(
      join(whole, 'other', 'a.jsonl.gz'),
      Buffer.concat([gzipSync(few), Buffer.alloc(16), gzipSync(more)]),
    );
    await writeFile(
      join(whole, 'other', 'a.jsonl.zst'),
      Buffer.concat([compress(Buffer.from(few)), skippable, compress(Buffer.from(more))]),
    );
    await withDuckDb({}, async (connection) => {
      const rows =
        `SELECT CASE WHEN range % 5 = 0 THEN NULL ELSE 'd' || range END AS id, 'the text of ` +
        `' || range || repeat(' é', (range % 9)::INT) AS text, {'source': 's' || range % 3} AS meta, ` +
        'range::BIGINT AS tokens FROM range(300)';
      await connection.run(
        `COPY (${rows}) TO ${sqlString(join(whole, 'other', 'a.parquet'))} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
      );
      const large =
        `SELECT 'd' || range AS id, CASE WHEN range % 7 > 0 THEN range || repeat(' some ` +
        `words', 80000) END AS text, {'source': 's'} AS meta FROM range(24)`;
      await connection.run(
        `COPY (${large}) TO ${sqlString(join(whole, 'other', 'large.parquet'))} (FORMAT parquet)`,
      );
    });
    await (await openVectors(pointer, join(whole, 'vectors'))).embed(vectorTexts, silent, '');
  } finally {
    await bag.close();
  }
}

interface Case {
  kind: string;
  file: string;
  bytes: Buffer;
}

async function makeCase(whole: string, seed: number, number: number): Promise<Case> {
  const random = openRandom(Math.imul(seed, 1_000_003) + number);
  let left = random() * Object.values(kinds).reduce((sum, { weight }) => sum + weight, 0);
  const [kind, { file: pattern }] = Object.entries(kinds).find(([, { weight }]) => (left -= weight) < 0) ?? [
    'jsonl',
    { file: 'corpus/a.jsonl' },
  ];
  const file = await findFile(whole, pattern);
  const bytes = await readFile(join(whole, file));
  const isJson = /\.(json|yaml)$/.test(file);
  if (isJson && random() < 0.6)
    return { kind, file, bytes: Buffer.from(mutateJson(bytes.toString(), random)) };
  return { kind, file, bytes: mutateBytes(bytes, bytes, random) };
}

async function findFile(whole: string, pattern: string): Promise<string> {
  const [folder = '', ending] = pattern.split('*');
  if (ending === undefined) return pattern;
  return folder + ((await readdir(join(whole, folder))).sort().find((name) => name.endsWith(ending)) ?? '');
}

interface Reader {
  read: (job: {
    kind: string;
    project: string;
    path: string;
  }) => Promise<{ outcome: string; defect?: string }>;
  end: () => void;
}

/**
 * Seconds of CPU time that a process has had, as on a busy machine time on the clock says little; where
 * the system does not tell, time on the clock.
 */
async function cpuSeconds(pid: number): Promise<number> {
  try {
    const [, fields = ''] = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ');
    const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
    return (user + system) / 100;
  } catch {
    return performance.now() / 1000;
  }
}

/** A process that reads; after a defect it may be gone. */
function openReader(): Reader {
  const child: ChildProcess = fork(fileURLToPath(new URL('./child.js', import.meta.url)), {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let peakMb = 0;
  return {
    read: (job) =>
      new Promise((resolve) => {
        const done = (result: { outcome: string; defect?: string }): void => {
          clearInterval(timer);
          child.removeAllListeners();
          resolve(result);
        };
        const startedMs = performance.now();
        const startedAt = child.pid === undefined ? Promise.resolve(0) : cpuSeconds(child.pid);
        const timer = setInterval(() => {
          void Promise.all([startedAt, cpuSeconds(child.pid ?? 0)]).then(([before, now]) => {
            if (now - before < hangSeconds && performance.now() - startedMs < stuckMs) return;
            child.kill('SIGKILL');
            done({
              outcome: 'hang',
              defect: `still reading after ${(now - before).toFixed(1)} s of CPU time`,
            });
          });
        }, 1000);
        child.once('exit', (code, signal) =>
          done({ outcome: 'crash', defect: `the process ended with ${signal ?? `code ${code}`}` }),
        );
        child.once('message', (answer: Answer) => {
          const grew = answer.peakMb > Math.max(peakMb, boundMb);
          peakMb = Math.max(peakMb, answer.peakMb);
          done({
            outcome: answer.outcome,
            ...(answer.defect === undefined ? {} : { defect: answer.defect }),
            ...(grew ? { defect: `it took ${Math.round(answer.peakMb)} MB` } : {}),
          });
        });
        child.send(job);
      }),
    end: () => void child.kill('SIGKILL'),
  };
}
