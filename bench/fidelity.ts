// Our classifier and fastText on the same split of real text (classifier/fasttext/benchmark.ts; `betr bench
// fasttext` runs it on any run): held-out ROC-AUC of the top 10% label, fastText with the paper's settings and with
// the best of a small grid.
//   npm run bench:fidelity [-- --run DIR] [--seed N] [--json]
// DIR has sample.parquet and targets.parquet. Without it, a run is made from ../shared/data, in .cache/fidelity/.

import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { compareWithFasttext } from '../classifier/fasttext/benchmark.ts';
import { findFasttext } from '../classifier/fasttext/program.ts';
import { trainClassifier } from '../classifier/train.ts';
import { silent } from '../run/progress.ts';
import { openRun, type Run } from '../run/run.ts';
import { runIndex } from '../indexer/index.ts';
import { printBenchmark } from './machine.ts';

const { values } = parseArgs({
  options: { run: { type: 'string' }, seed: { type: 'string', default: '1' }, json: { type: 'boolean' } },
});
const benchmarks = ['gsm8k', 'arc_easy', 'mbpp', 'lambada', 'pubmedqa', 'piqa'];

await findFasttext();
const folder = await mkdtemp(join(tmpdir(), 'betr-bench-fidelity-'));
try {
  const run = await openBenchRun(
    values.run === undefined ? await makeRun() : resolve(values.run),
    folder,
    Number(values.seed),
  );
  const startedMs = performance.now();
  const card = await trainClassifier(run, silent);
  const trainSeconds = (performance.now() - startedMs) / 1000;
  const { fasttext, fasttextPaper, documents, ...compared } = await compareWithFasttext(
    run,
    { withGrid: true },
    silent,
  );
  const best = fasttext ?? fasttextPaper;
  const ours = { ...compared.ours, seconds: trainSeconds };
  const line = (name: string, { auc, seconds, mbPerSecond }: typeof ours, note: string): string =>
    `${name.padEnd(18)} ROC-AUC ${auc.toFixed(4)}  ${seconds.toFixed(1).padStart(6)} s ` +
    ` ${mbPerSecond.toFixed(1).padStart(6)} MB/s  ${note}`;
  printBenchmark(
    { ours, fasttext: best, fasttextPaper, documents: card.documents },
    [
      `${documents.training} documents to train on, ${documents.heldOut} held out`,
      line('ours', ours, `${card.training.epochsRun} epochs, ${card.outputs.length} outputs`),
      line('fasttext, best', best, best.settings),
      line('fasttext, paper', fasttextPaper, fasttextPaper.settings),
    ].join('\n'),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

/**
 * Indexes 12,000 documents of the shared pool against six benchmarks of 200 examples; returns the run folder,
 * made once.
 */
async function makeRun(): Promise<string> {
  const shared = resolve(process.env['BETR_SHARED'] ?? '../shared', 'data');
  await stat(shared).catch(() => {
    throw new Error(
      `There is no ${shared}; name a run folder with sample.parquet and targets.parquet: --run DIR`,
    );
  });
  const cache = resolve('.cache', 'fidelity');
  await mkdir(cache, { recursive: true });
  const settings = {
    corpus: { files: [join(shared, 'pool', '*.jsonl.gz')] },
    benchmarks: benchmarks.map((name) => ({
      name,
      files: [join(shared, 'benchmarks', name, 'train.jsonl')],
    })),
    examples: { perBenchmark: 200 },
    sample: { documents: 12_000 },
  };
  await writeFile(join(cache, 'betr.yaml'), JSON.stringify(settings, null, 1));
  const run = await openRun(join(cache, 'betr.yaml'));
  await runIndex(run, ({ stage, done, total }) =>
    process.stderr.write(`\r${stage} ${done} of ${total ?? '?'}   `),
  );
  return run.folder;
}

/** A run of its own over another's sample and targets, so that nothing is written there. */
async function openBenchRun(from: string, into: string, seed: number): Promise<Run> {
  await writeFile(
    join(into, 'betr.yaml'),
    JSON.stringify({
      corpus: { files: ['none.jsonl'] },
      benchmarks: [{ name: 'none', files: ['none.jsonl'] }],
      classifier: { seed },
    }),
  );
  const run = await openRun(join(into, 'betr.yaml'));
  await symlink(join(from, 'sample.parquet'), run.files.sample);
  await symlink(join(from, 'targets.parquet'), run.files.targets);
  return run;
}
