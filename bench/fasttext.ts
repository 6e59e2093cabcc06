// Speed of our fastText predictor next to the fasttext program, on the same texts and one core: the paper's model
// (two labels, folded), the same model not folded, a model with many labels, and one with character n-grams. The
// time to load a model is subtracted on both sides.
//   npm run bench:fasttext [-- --megabytes 100] [--json]

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { loadFasttext } from '../classifier/fasttext/predict.ts';
import { describeMachine, hasProgram, printBenchmark, runOnOneCore } from './machine.ts';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '60' },
    json: { type: 'boolean' },
    model: { type: 'string' },
    texts: { type: 'string' },
    whole: { type: 'boolean' },
  },
});
const rowSchema = z.object({ source: z.string(), text: z.string() });
const models = [
  {
    name: 'two labels, bigrams, dim 128, folded',
    labels: 'two',
    args: '-dim 128 -wordNgrams 2 -minCount 5 -epoch 1',
    whole: false,
  },
  {
    name: 'the same, not folded',
    labels: 'two',
    args: '-dim 128 -wordNgrams 2 -minCount 5 -epoch 1',
    whole: true,
  },
  {
    name: 'many labels, bigrams, dim 64',
    labels: 'sources',
    args: '-dim 64 -wordNgrams 2 -minCount 5 -epoch 1 -bucket 500000',
    whole: false,
  },
  {
    name: 'many labels, characters, dim 16',
    labels: 'sources',
    args: '-dim 16 -minn 2 -maxn 4 -bucket 200000 -epoch 1',
    whole: false,
  },
];

if (values.model !== undefined && values.texts !== undefined) {
  await predictHere(values.model, values.texts, values.whole === true);
  process.exit();
}
if (!hasProgram('fasttext'))
  throw new Error('This benchmark needs the fasttext program: apt-get install fasttext');
const folder = await mkdtemp(join(tmpdir(), 'betr-bench-fasttext-'));
try {
  const { texts, training } = await writeTexts(folder, Number(values.megabytes) * 1e6);
  const results = [];
  for (const [i, { name, labels, args, whole }] of models.entries()) {
    const model = join(folder, `model-${i}`);
    const input = labels === 'two' ? training.two : training.sources;
    runOnOneCore('fasttext', [
      'supervised',
      '-input',
      input,
      '-output',
      model,
      '-thread',
      '1',
      ...args.split(' '),
    ]);
    const program = timeProgram(`${model}.bin`, texts.path, folder);
    const { seconds } = z
      .object({ seconds: z.number() })
      .parse(
        JSON.parse(
          runOnOneCore(process.execPath, [
            import.meta.filename,
            '--model',
            `${model}.bin`,
            '--texts',
            texts.path,
            ...(whole ? ['--whole'] : []),
          ]).output,
        ),
      );
    const [ours, theirs] = [seconds, program].map((time) => Math.round((10 * texts.bytes) / 1e6 / time) / 10);
    results.push({
      name,
      mbPerSecond: ours ?? 0,
      programMbPerSecond: theirs ?? 0,
      ratio: Math.round((100 * program) / seconds) / 100,
    });
    await rm(`${model}.bin`);
  }
  printBenchmark(
    { results, textMegabytes: Math.round(texts.bytes / 1e6), machine: describeMachine() },
    results
      .map(
        ({ name, mbPerSecond, programMbPerSecond, ratio }) =>
          `${name.padEnd(40)} ${mbPerSecond.toFixed(1).padStart(7)} MB/s, the ` +
          `program ${programMbPerSecond.toFixed(1).padStart(6)} MB/s: ${ratio.toFixed(1)} ×`,
      )
      .join('\n'),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();

/** Wall time of the program on the texts, less that on an empty one; the best of two. */
function timeProgram(model: string, texts: string, into: string): number {
  const time = (path: string): number =>
    Math.min(...[0, 1].map(() => runOnOneCore('fasttext', ['predict-prob', model, path]).seconds));
  return time(texts) - time(join(into, 'empty.txt'));
}

/** The texts' prediction in this process, on the core it was put on; the best of two passes. */
async function predictHere(modelPath: string, textsPath: string, whole: boolean): Promise<void> {
  const model = loadFasttext(modelPath, { fold: !whole });
  const all = await readFile(textsPath);
  const pass = (): number => {
    const startedMs = performance.now();
    for (let start = 0; start < all.length;) {
      const end = all.indexOf(10, start);
      model.best(all, start, end);
      start = end + 1;
    }
    return (performance.now() - startedMs) / 1000;
  };
  process.stdout.write(JSON.stringify({ seconds: Math.min(pass(), pass()) }));
}

/** Texts of the shared pool, a line each, and training files over some of them. */
async function writeTexts(
  into: string,
  wantedBytes: number,
): Promise<{ texts: { path: string; bytes: number }; training: { two: string; sources: string } }> {
  const pool = resolve(process.env['BETR_SHARED'] ?? '../shared', 'data', 'pool');
  const rows: { source: string; text: string }[] = [];
  let bytes = 0;
  for (const name of (await readdir(pool)).filter((file) => file.endsWith('.jsonl.gz')).sort()) {
    if (bytes >= wantedBytes) break;
    for (const line of gunzipSync(await readFile(join(pool, name)))
      .toString()
      .trimEnd()
      .split('\n')) {
      const { source, text } = rowSchema.parse(JSON.parse(line));
      const row = {
        source: source.replaceAll(/\s+/g, '-'),
        text: text.replaceAll('\n', ' ').replaceAll('</s>', ' ').replaceAll('__label__', ' '),
      };
      bytes += Buffer.byteLength(row.text) + 1;
      rows.push(row);
    }
  }
  const path = (name: string): string => join(into, name);
  await writeFile(path('texts.txt'), rows.map(({ text }) => `${text}\n`).join(''));
  await writeFile(path('empty.txt'), '\n');
  const training = rows.slice(0, 3000);
  await writeFile(
    path('two.txt'),
    training
      .map(({ source, text }) => `__label__${source.length % 2 === 0 ? 'hq' : 'cc'} ${text}\n`)
      .join(''),
  );
  await writeFile(
    path('sources.txt'),
    training.map(({ source, text }) => `__label__${source} ${text}\n`).join(''),
  );
  return {
    texts: { path: path('texts.txt'), bytes },
    training: { two: path('two.txt'), sources: path('sources.txt') },
  };
}
