// Speed of the leak search on one core: text in memory and from JSONL.gz, next to only reading the same file (the
// limit), and to `grep -F -f` for one 13-word sequence per test item (a twentieth of what we search for) in the same
// text as lowercase words. Measures user time, which depends little on other load; the time to build the tables is
// reported separately.
//   npm run bench:leaks [-- --megabytes 60] [--json]

import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip, gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Shard } from '../data/documents.ts';
import { openQuarantine } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import { openFinder } from '../leaks/find.ts';
import { listWords } from '../indexer/examples/words.ts';
import { describeMachine, printBenchmark } from './machine.ts';

const { values } = parseArgs({
  options: { megabytes: { type: 'string', default: '60' }, json: { type: 'boolean' } },
});
const shared = resolve(process.env['BETR_SHARED'] ?? '../shared', 'data');
const textRow = z.object({ text: z.string() });
const fields = { id: 'id', text: 'text', source: 'source', tokens: 'tokens' };
const folder = await mkdtemp(join(tmpdir(), 'betr-bench-leaks-'));
try {
  const documents = await readDocuments(Number(values.megabytes) * 1e6);
  const tests = await readTexts();
  const textBytes = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const tables = userSeconds(() => openFinder(tests));
  const finder = tables.result;
  const all = Buffer.from(documents.join(''));
  let allBytes = 0;
  const ends = documents.map((text) => (allBytes += Buffer.byteLength(text)));
  const memory = best(
    () => userSeconds(() => ends.map((end, i) => finder.find(all, ends[i - 1] ?? 0, end).length)).seconds,
  );
  const shard = await writeShard(documents);
  const reading = await readThrough(shard, () => undefined);
  const file = await readThrough(shard, (text, from, to) => finder.find(text, from, to));
  const grep = await timeGrep(documents, tests);
  const speed = (seconds: number): number => Math.round(textBytes / 1e5 / seconds) / 10;
  const result = {
    textMegabytes: Math.round(textBytes / 1e6),
    testItems: tests.length,
    tableSeconds: Math.round(10 * tables.seconds) / 10,
    memory: speed(memory),
    file: speed(file),
    readingAlone: speed(reading),
    ratioToReading: Math.round((100 * reading) / file) / 100,
    grep: speed(grep),
    ratioToGrep: Math.round((10 * grep) / memory) / 10,
    machine: describeMachine(),
  };
  const line = (name: string, mb: number, note = ''): string =>
    `${name.padEnd(40)} ${mb.toFixed(1).padStart(7)} MB/s per core  ${note}`;
  printBenchmark(
    result,
    [
      `${result.textMegabytes} MB of text, ${tests.length} test items, tables in ${result.tableSeconds} s`,
      line('text in memory', result.memory, `${result.ratioToGrep} × grep`),
      line('from JSONL.gz', result.file, `${result.ratioToReading} of reading alone`),
      line('reading JSONL.gz alone', result.readingAlone),
      line('grep -F, one run an item', result.grep),
    ].join('\n'),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();

function userSeconds<T>(work: () => T): { seconds: number; result: T } {
  const before = process.cpuUsage();
  const result = work();
  return { seconds: process.cpuUsage(before).user / 1e6, result };
}

function best(measure: () => number): number {
  return Math.min(measure(), measure(), measure());
}

async function readDocuments(wantedBytes: number): Promise<string[]> {
  const texts: string[] = [];
  let bytes = 0;
  for (const name of (await readdir(join(shared, 'pool')))
    .filter((file) => file.endsWith('.jsonl.gz'))
    .sort()) {
    for (const line of gunzipSync(await readFile(join(shared, 'pool', name)))
      .toString()
      .trimEnd()
      .split('\n')) {
      if (bytes >= wantedBytes) return texts;
      const { text } = textRow.parse(JSON.parse(line));
      texts.push(text);
      bytes += Buffer.byteLength(text);
    }
  }
  return texts;
}

async function readTexts(): Promise<string[]> {
  const texts: string[] = [];
  for (const name of (await readdir(join(shared, 'benchmarks'))).sort()) {
    for (const line of (await readFile(join(shared, 'benchmarks', name, 'test.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n'))
      texts.push(textRow.parse(JSON.parse(line)).text);
  }
  return texts;
}

async function writeShard(texts: readonly string[]): Promise<Shard> {
  const path = join(folder, 'corpus.jsonl.gz');
  await pipeline(
    Readable.from(
      (function* () {
        for (const text of texts) yield `${JSON.stringify({ text })}\n`;
      })(),
    ),
    createGzip(),
    createWriteStream(path),
  );
  return { name: 'corpus', path, format: 'jsonl.gz', bytes: (await stat(path)).size, modifiedMs: 0 };
}

/** User seconds of reading a shard with something done to each text; the best of two passes. */
async function readThrough(
  shard: Shard,
  use: (text: Uint8Array, from: number, to: number) => unknown,
): Promise<number> {
  const pass = async (): Promise<number> => {
    const quarantine = openQuarantine(join(folder, 'quarantine.jsonl'));
    const before = process.cpuUsage();
    for await (const batch of readShard(shard, fields, { quarantine }))
      for (let i = 0; i < batch.count; i++)
        use(batch.text, batch.textEnds[i - 1] ?? 0, batch.textEnds[i] ?? 0);
    await quarantine.close();
    return process.cpuUsage(before).user / 1e6;
  };
  return Math.min(await pass(), await pass());
}

async function timeGrep(texts: readonly string[], tests: readonly string[]): Promise<number> {
  const inWords = (text: string): string[] => listWords(text).map(({ word }) => word);
  const runs = tests.flatMap((text) => {
    const words = inWords(text);
    return words.length < 13 ? [] : [words.slice(0, 13).join(' ')];
  });
  await writeFile(join(folder, 'runs.txt'), [...new Set(runs)].join('\n'));
  await writeFile(join(folder, 'texts.txt'), texts.map((text) => inWords(text).join(' ')).join('\n'));
  const measure = (path: string): number =>
    Number(
      execFileSync(
        'bash',
        [
          '-c',
          'TIMEFORMAT=%U; { time { LC_ALL=C grep -F -c -f "$1" "$2" > /dev/null || true; } ; } 2>&1',
          'bash',
          join(folder, 'runs.txt'),
          path,
        ],
        { encoding: 'utf8' },
      ),
    );
  await writeFile(join(folder, 'empty.txt'), '\n');
  return measure(join(folder, 'texts.txt')) - measure(join(folder, 'empty.txt'));
}
