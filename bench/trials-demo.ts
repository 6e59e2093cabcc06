// A trial in about five minutes on two idle cores: the demo's corpus, small models, betr's 10% next to no filter and
// random documents. Of each of the demo's benchmarks, every second item is a target, and the others are tests.
//   make trials-demo (or: node dist/bench/trials-demo.js [FOLDER])

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { demoBenchmarks } from '../cli/demo/benchmarks.ts';
import { prepareCorpus } from '../cli/demo/corpus.ts';
import { commitBytes } from '../data/files/commit.ts';
import { silent } from '../run/progress.ts';
import { productFolder } from '../run/product-folder.ts';
import { betrProgram } from '../run/version.ts';

const folder = resolve(process.argv[2] ?? 'demo/trials');
const settings = join(folder, 'betr.yaml');

await prepareCorpus(folder, silent);
for (const { name } of demoBenchmarks) {
  const rows = (
    await readFile(join(productFolder(), 'cli', 'demo', 'benchmarks', `${name}.jsonl`), 'utf8')
  ).split('\n');
  for (const [split, parity] of [
    ['train', 0],
    ['test', 1],
  ] as const) {
    const own = rows.filter((row, i) => row !== '' && i % 2 === parity);
    await commitBytes(join(folder, 'benchmarks', `${name}-${split}.jsonl`), `${own.join('\n')}\n`);
  }
}
await commitBytes(
  settings,
  JSON.stringify({
    corpus: { files: ['corpus/*.jsonl', 'corpus/*.jsonl.gz', 'corpus/*.jsonl.zst', 'corpus/*.parquet'] },
    benchmarks: demoBenchmarks.map(({ name }) => ({
      name,
      files: [`benchmarks/${name}-train.jsonl`],
      tests: [`benchmarks/${name}-test.jsonl`],
    })),
    sample: { documents: 4000 },
    embedding: { maxTokens: 64 },
  }),
);
await betr('run');
await betr(
  ...['trial', 'plan', '--name', 'demo', '--keep', '10%', '--random-draws', '1', '--seeds', '2'],
  ...['--tokens', '300k', '--tokenizer', 'bpe:1024', '--texts', '5', '--items', '25'],
);
await betr('trial', 'run', '--name', 'demo');
await betr('trial', 'report', '--name', 'demo');

/** Runs a command, and shows it. Ends this process where it fails. */
async function betr(...words: string[]): Promise<void> {
  process.stdout.write(`\n$ betr ${words.join(' ')}\n`);
  const child = spawn(process.execPath, [betrProgram(), ...words, '--config', settings], {
    stdio: 'inherit',
  });
  const ended: readonly unknown[] = await once(child, 'close');
  const [code] = ended;
  if (code !== 0) process.exit(typeof code === 'number' ? code : 1);
}
