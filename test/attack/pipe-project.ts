// Pipes, and projects to put them into.

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { jsonl } from '../cli/project.ts';

const isWindows = process.platform === 'win32';
export const testOnUnix = isWindows ? it.skip : it;

if (isWindows) console.log('skipped: Windows has no pipes among its files');

/** For the tests of a file. */
export let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-pipes-'));
});

afterAll(() => rm(folder, { recursive: true }));

export function makePipe(path: string): void {
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
}

/** A project with documents, a benchmark, and more settings. */
export async function makeProject(
  name: string,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const made = join(folder, name);
  await mkdir(join(made, 'corpus'), { recursive: true });
  await writeFile(
    join(made, 'corpus/a.jsonl'),
    jsonl(Array.from({ length: 20 }, (_, i) => ({ id: `d${i}`, text: `words of document ${i}` }))),
  );
  await writeFile(join(made, 'b.jsonl'), jsonl([{ question: 'what?', answer: 'that' }]));
  await writeFile(
    join(made, 'betr.yaml'),
    JSON.stringify({
      corpus: { files: ['corpus/*'] },
      benchmarks: [{ name: 'b', files: ['b.jsonl'] }],
      ...settings,
    }),
  );
  return made;
}
