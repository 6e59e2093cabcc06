// Scoring speed on one core: text in memory, and end to end (read, score, write the part) from JSONL.gz, JSONL.zst
// and Parquet, next to the `fasttext` program (dim 100, bigrams) on the same text.
//   npm run bench:score [-- --config FILE] [--json]      FILE: a trained run; default demo/betr.yaml

import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { readCard } from '../classifier/classifier-card.ts';
import { sqlString, withDuckDb } from '../data/duckdb/duckdb.ts';
import { openRun, type Run } from '../run/run.ts';
import { oneLine, writeCorpus } from './corpus.ts';
import { describeMachine, hasProgram, printBenchmark, runOnOneCore, scoreOne } from './machine.ts';

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'demo/betr.yaml' },
    json: { type: 'boolean' },
    megabytes: { type: 'string', default: '200' },
  },
});
const wantedBytes = Number(values.megabytes) * 1e6;
const timing = z.object({ textBytes: z.number(), seconds: z.number(), outputs: z.number() });

if (!hasProgram('fasttext'))
  throw new Error('This benchmark needs the fasttext program: apt-get install fasttext');
const run = await openRun(values.config);
await readCard(run);
const folder = await mkdtemp(join(tmpdir(), 'betr-bench-score-'));
try {
  const files = await writeCorpus(run, folder, wantedBytes);
  const fasttextMb = await timeFasttext(run, folder, files.plainText, files.textBytes);
  const measure = (kind: 'memory' | 'file', path: string) => {
    const { output } = runOnOneCore(scoreOne.program, [
      ...scoreOne.args,
      run.files.weights,
      kind,
      folder,
      path,
    ]);
    const { textBytes, seconds, outputs } = timing.parse(JSON.parse(output));
    const mbPerSecond = textBytes / 1e6 / seconds;
    return { mbPerSecond: round(mbPerSecond), ratioToFasttext: round(mbPerSecond / fasttextMb), outputs };
  };
  const memory = measure('memory', files.zst);
  const result = {
    fasttext: { mbPerSecond: round(fasttextMb) },
    memory,
    gz: measure('file', files.gz),
    zst: measure('file', files.zst),
    parquet: measure('file', files.parquet),
    textMegabytes: round(files.textBytes / 1e6),
    outputs: memory.outputs,
    machine: describeMachine(),
  };
  const line = (name: string, speed: { mbPerSecond: number; ratioToFasttext?: number }): string =>
    `${name.padEnd(22)} ${speed.mbPerSecond.toFixed(1).padStart(7)} MB/s per ` +
    `core${speed.ratioToFasttext === undefined ? '' : `  ${speed.ratioToFasttext.toFixed(1)} × fasttext`}`;
  printBenchmark(
    result,
    [
      `${result.textMegabytes} MB of text, ${result.outputs} outputs`,
      line('fasttext, dim 100', result.fasttext),
      line('text in memory', memory),
      line('from JSONL.gz', result.gz),
      line('from JSONL.zst', result.zst),
      line('from Parquet', result.parquet),
    ].join('\n'),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/**
 * MB/s of text of `fasttext predict`, the time to load the model taken off. The model has the shape of the
 * paper's; what it predicts does not matter here.
 */
async function timeFasttext(from: Run, into: string, plainText: string, textBytes: number): Promise<number> {
  const training = join(into, 'train.txt');
  const lines = await withDuckDb({}, async (connection) => {
    const reader = await connection.runAndReadAll(
      'SELECT s.text AS text, t.score >= (SELECT quantile_disc(score, ' +
        `0.9) FROM read_parquet(${sqlString(from.files.targets)})) AS top
      FROM read_parquet(${sqlString(from.files.sample)}) s JOIN ` +
        `read_parquet(${sqlString(from.files.targets)}) t USING (document) LIMIT 4000`,
    );
    return reader
      .getRowObjects()
      .map(({ text, top }) => `__label__${top === true ? 'hq' : 'cc'} ${oneLine(String(text))}`);
  });
  await writeFile(training, lines.join('\n'));
  await writeFile(join(into, 'empty.txt'), '\n');
  runOnOneCore('fasttext', [
    'supervised',
    '-input',
    training,
    '-output',
    join(into, 'model'),
    '-dim',
    '100',
    '-wordNgrams',
    '2',
    '-epoch',
    '1',
    '-thread',
    '1',
    '-minCount',
    '5',
  ]);
  const predict = (file: string): number =>
    runOnOneCore('fasttext', ['predict', join(into, 'model.bin'), file]).seconds;
  predict(join(into, 'empty.txt'));
  const load = predict(join(into, 'empty.txt'));
  const seconds = predict(plainText) - load;
  await stat(join(into, 'model.bin'));
  await rm(join(into, 'model.bin'));
  return textBytes / 1e6 / seconds;
}
