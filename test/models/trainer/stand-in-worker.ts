// A worker in place of Python, for tests: it answers as `python -c …` and `python -m betr_trainer …` do, and works on
// a job as the job's name says, such as "done-1" or "nan".

import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { takeLease } from '../../../data/files/lease.ts';
import { watchLeases } from '../../../data/files/lease-watch.ts';

const steps = 5;
const jobSchema = z.object({
  kind: z.string(),
  inputs: z.array(z.object({ name: z.string(), sha256: z.string() })),
  settings: z.record(z.string(), z.unknown()),
});
const [option = '', ...args] = process.argv.slice(2);

if (option === '-c') probe(args.slice(1));
else if (args[1] === '--check')
  console.log(
    JSON.stringify({
      python: '3.12.0',
      torch: '2.15.0',
      device: gpus().length > 0 ? 'cuda GPU 0' : 'cpu',
      devices: gpus(),
    }),
  );
else if (args[1] === '--measure')
  console.log('{"secondsPerStep":0.5,"tokensPerSecond":2000,"peakMemoryMb":300,"flopsPerToken":6e6}');
else process.exitCode = await work(args[1] ?? '');

/** Answers with the versions in FAKE_PYTHON and without the packages in FAKE_MISSING. */
function probe(names: readonly string[]): void {
  const version = (process.env['FAKE_PYTHON'] ?? '3.12.0').split('.').map(Number);
  const missing = (process.env['FAKE_MISSING'] ?? '').split(',');
  const packages = Object.fromEntries(names.map((name) => [name, missing.includes(name) ? null : '1.0']));
  console.log(JSON.stringify({ version, packages }));
}

function gpus(): string[] {
  return Array.from({ length: Number(process.env['FAKE_GPUS'] ?? 0) }, (_, at) => `GPU ${at}`);
}

async function work(folder: string): Promise<number> {
  const kind = basename(folder).replace(/-\d+$/, '');
  const refusals: Record<string, [number, string]> = {
    refused: [2, 'INPUT_CHANGED: Input "train" has changed since the job was written.'],
    missing: [2, 'INPUT_MISSING: Input "train" is not a file: /gone.'],
    empty: [2, 'EMPTY_INPUT: Input "train" has no text.'],
    tokenizer: [2, 'TOKENIZER_MISMATCH: The tokenizer has 300 tokens, the model 256.'],
    unsafe: [2, 'MODEL_UNSAFE: The weights are pickles.'],
    old: [2, 'JOB_VERSION: job.json has version 1; this worker reads version 2.'],
    nan: [1, 'LOSS_NOT_FINITE: The loss is NaN at step 3 (learning rate 0.1).'],
    full: [1, 'DISK_FULL: No space left for checkpoint.'],
    memory: [1, 'OUT_OF_MEMORY: The GPU has 1 GB.'],
    bug: [1, 'Traceback (most recent call last):\nINTERNAL: ValueError: 3'],
    silent: [1, ''],
  };
  const leasePath = join(folder, 'lease');
  // A killed worker has left its lease.
  await watchLeases(60_000).isFree(leasePath);
  const lease = await takeLease(leasePath, 1000);
  if (lease === undefined) {
    console.error('JOB_BUSY: It is being worked on by another process.');
    return 4;
  }
  const say = (event: object): Promise<void> =>
    appendFile(
      join(folder, 'events.jsonl'),
      `${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`,
    );
  const asked = { stop: false };
  process.on('SIGTERM', () => {
    asked.stop = true;
  });
  try {
    const begun = await readFile(join(folder, 'checkpoint', 'step'), 'utf8').then(Number, () => 0);
    await say({
      event: 'start',
      message: `threads ${process.env['OMP_NUM_THREADS'] ?? ''}, GPU ${process.env['CUDA_VISIBLE_DEVICES'] ?? ''}`,
    });
    const refusal = refusals[kind];
    if (refusal !== undefined && refusal[0] === 2) return await refuse(say, refusal);
    for (let step = begun + 1; step <= steps; step++) {
      await setTimeout({ slow: 100, long: 2000 }[kind] ?? 5);
      await say({
        event: 'progress',
        step,
        steps,
        loss: 5 - step / 2,
        tokensPerSecond: 1000,
        secondsLeft: 1,
      });
      if (kind === 'torn' && step === 2) await appendFile(join(folder, 'events.jsonl'), '{"at": "2026\n');
      await mkdir(join(folder, 'checkpoint'), { recursive: true });
      await writeFile(join(folder, 'checkpoint', 'step'), String(step));
      if (kind === 'killed' && step === 3) process.kill(process.pid, 'SIGKILL');
      if (refusal !== undefined && step >= 3) return await refuse(say, refusal);
      if (asked.stop) {
        await say({ event: 'stopped', step, message: 'The checkpoint is saved.' });
        return 3;
      }
    }
    await writeFile(join(folder, 'result.parquet'), 'rows');
    if (kind !== 'cardless') await writeCard(folder, begun > 0 ? 1 : 0, kind);
    await say({ event: 'done', step: steps, steps });
    return 0;
  } finally {
    await lease.release();
  }
}

async function refuse(
  say: (event: object) => Promise<void>,
  [exit, line]: [number, string],
): Promise<number> {
  const [, code, message] = /^([A-Z_]+): (.*)$/m.exec(line) ?? [];
  // A full disk takes no more events.
  if (line !== '' && !line.startsWith('DISK_FULL')) await say({ event: 'failed', code, message });
  if (line !== '') console.error(line);
  return exit;
}

async function writeCard(folder: string, resumed: number, kind: string): Promise<void> {
  const text = await readFile(join(folder, 'job.json'), 'utf8');
  const job = jobSchema.parse(JSON.parse(text));
  const hash = (content: string): string => createHash('sha256').update(content).digest('hex');
  const card = {
    version: 1,
    kind: job.kind,
    job: kind === 'foreign' ? hash('another') : hash(text),
    inputs: job.inputs.map(({ name, sha256 }) => ({ name, sha256 })),
    model: null,
    versions: { python: '3.12.0' },
    device: 'cpu',
    threads: Number(process.env['OMP_NUM_THREADS']),
    dtype: 'float32',
    parameters: 1000,
    parametersWithoutEmbeddings: 900,
    flops: 1.5e12,
    flopsWithoutEmbeddings: 1e12,
    tokens: 5000,
    passes: 1,
    seconds: 0.5,
    resumed,
    settings: job.settings,
    result: { sha256: hash('rows'), rows: 1 },
  };
  const seal = kind === 'seal' ? hash('forged') : hash(canonical(card));
  const temporary = join(folder, '.card.tmp');
  await writeFile(temporary, JSON.stringify({ ...card, seal }, null, 2));
  await rename(temporary, join(folder, 'card.json'));
}

/** JSON with sorted keys and no blanks (RFC 8785). */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}
