// Training jobs for tests, and a stand-in for Python that does them.

import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Python } from '../../../models/trainer/python.ts';
import { type JobPlan, writeJob } from '../../../models/trainer/write-job.ts';

const worker = fileURLToPath(new URL('./stand-in-worker.js', import.meta.url));

/** A program in `folder` that answers as Python does. */
export async function makePython(folder: string): Promise<Python> {
  const program = join(folder, 'python');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${worker}' "$@"\n`);
  await chmod(program, 0o755);
  return { program, isNamed: true };
}

export const newModel = {
  new: { hidden: 16, layers: 1, heads: 2, keyValueHeads: 2, mlp: 32 },
};

/** A small job; its input is written beside training/. */
export async function pretrainPlan(folder: string): Promise<Extract<JobPlan, { kind: 'pretrain' }>> {
  const path = join(folder, 'run', 'train.jsonl');
  await mkdir(join(folder, 'run'), { recursive: true });
  await writeFile(path, '{"text": "a text"}\n');
  return {
    kind: 'pretrain',
    model: newModel,
    tokenizer: 'bytes',
    inputs: [{ name: 'train', path }],
    settings: { tokens: 1000, learningRate: 1e-3 },
  };
}

/** Writes small jobs with these names and returns their folders. */
export async function writeJobs(folder: string, names: readonly string[]): Promise<string[]> {
  const plan = await pretrainPlan(folder);
  const folders: string[] = [];
  for (const name of names) folders.push(await writeJob(join(folder, 'run', 'training'), name, plan));
  return folders;
}
