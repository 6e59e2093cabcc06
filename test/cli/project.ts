// A project on disk for tests that run the real command: a small corpus of two kinds, two benchmarks,
// settings that name the test endpoint.

import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export const betrPath = fileURLToPath(new URL('../../cli/betr.js', import.meta.url));

const words: Record<string, readonly string[]> = {
  kitchen: [
    'boil',
    'bake',
    'stir',
    'salt',
    'flour',
    'oven',
    'butter',
    'pan',
    'soup',
    'dough',
    'knife',
    'dish',
    'yeast',
    'pepper',
    'roast',
    'plate',
  ],
  space: [
    'star',
    'orbit',
    'planet',
    'comet',
    'galaxy',
    'moon',
    'rocket',
    'light',
    'sun',
    'probe',
    'dust',
    'field',
    'crater',
    'lens',
    'nova',
    'ring',
  ],
};

/** A dozen words of a kind, in an order of their own for each number. */
export function sentence(kind: keyof typeof words, number: number): string {
  const of = words[kind] ?? [];
  return Array.from(
    { length: 12 },
    (_, i) => of[(number * (2 * i + 3) + i * i + Math.floor(number / 16)) % of.length],
  ).join(' ');
}

export interface Row {
  id: string;
  source: string;
  text: string;
}

/** `count` documents, by turns of the kitchen and of space, no two alike. */
export function makeDocuments(count: number, from = 0): Row[] {
  return Array.from({ length: count }, (_, i) => {
    const number = from + i;
    const source = number % 2 === 0 ? 'kitchen' : 'space';
    return { id: `${source}-${number}`, source, text: `${sentence(source, number)} number ${number}` };
  });
}

export function jsonl(rows: readonly unknown[]): string {
  return rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');
}

export interface ProjectOptions {
  /** Name in corpus/ and content. */
  shards?: Readonly<Record<string, string | Uint8Array>>;
  settings?: Readonly<Record<string, unknown>>;
}

/** Writes the project into `folder`; `endpoint` is the URL of the embeddings. */
export async function makeProject(
  folder: string,
  endpoint: string,
  { shards, settings = {} }: ProjectOptions = {},
): Promise<void> {
  const documents = makeDocuments(1200);
  const files = shards ?? {
    'a.jsonl': jsonl(documents.slice(0, 500)),
    'b.jsonl': jsonl(documents.slice(500, 900)),
    'c.jsonl': jsonl(documents.slice(900)),
  };
  await mkdir(join(folder, 'corpus'), { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, 'corpus', name), content);
  const questions = (kind: keyof typeof words, from: number): string =>
    jsonl(
      Array.from({ length: 10 }, (_, i) => ({
        question: `How do I ${sentence(kind, from + i)}?`,
        answer: 'slowly',
      })),
    );
  await writeFile(join(folder, 'cooking.jsonl'), questions('kitchen', 5000));
  await writeFile(join(folder, 'astronomy.jsonl'), questions('space', 6000));
  await writeSettings(folder, endpoint, settings);
}

/** Writes betr.yaml (JSON is YAML). */
export async function writeSettings(
  folder: string,
  endpoint: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const all = {
    corpus: { files: ['corpus/*'] },
    benchmarks: [
      { name: 'cooking', files: ['cooking.jsonl'] },
      { name: 'astronomy', files: ['astronomy.jsonl'] },
    ],
    embedding: { model: endpoint, endpointModel: 'bag' },
    search: { nearest: 100 },
    classifier: { bits: 14, epochs: 3 },
    ...settings,
  };
  await writeFile(join(folder, 'betr.yaml'), JSON.stringify(all));
}

export interface Ended {
  /** Exit code; null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
  ms: number;
}

/** A signal to send: so many milliseconds after the start, or once something has happened. */
export interface Stop {
  after: number | Promise<void>;
  signal: NodeJS.Signals;
}

/**
 * Runs the real command in `folder`, as a process of its own: for what is about processes. test/cli/betr.ts
 * does without one.
 */
export function betrProcess(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stop?: Stop,
): Promise<Ended> {
  return run(process.execPath, [betrPath, ...args], folder, env, stop);
}

/** Runs a program to its end. */
export function run(
  program: string,
  args: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>> = {},
  stop?: Stop,
): Promise<Ended> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = (): void => void child.kill(stop?.signal);
    const timer = typeof stop?.after === 'number' ? setTimeout(kill, stop.after) : undefined;
    if (typeof stop?.after === 'object') void stop.after.then(kill);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr, ms: performance.now() - startedMs });
    });
  });
}

const errorSchema = z.object({
  error: z.object({ code: z.string(), message: z.string(), values: z.record(z.string(), z.unknown()) }),
});

/** The error in what a command printed with --json. */
export function errorOf(stdout: string): z.output<typeof errorSchema>['error'] {
  return errorSchema.parse(JSON.parse(stdout)).error;
}
