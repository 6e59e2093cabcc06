// Judges and their servers for the tests of a file, closed at its end.

import { afterAll } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { type Judge, openJudge } from '../../../indexer/judges/judge.ts';
import { silent } from '../../../run/progress.ts';
import { openJudgeRun, plainQuestion } from './judge-run.ts';

const folders: string[] = [];
const running: { close: () => Promise<void> }[] = [];
afterAll(async () => {
  for (const server of running) await server.close();
  for (const folder of folders) await rm(folder, { recursive: true });
});

/** A judge of these settings and model, by default in a run of its own. */
export async function open(
  settings: object,
  model: object = { model: 'dummy' },
  folder?: string,
): Promise<{ judge: Judge; folder: string }> {
  const opened = await openJudgeRun(
    [{ name: 'judge', model: 'try', ...settings }],
    [{ name: 'try', ...model }],
    folder,
  );
  if (folder === undefined) folders.push(opened.folder);
  return { judge: await openJudge(opened.run, 'judge', silent), folder: opened.folder };
}

/** Closes the server after the tests. */
export async function serve<T extends { close: () => Promise<void> }>(server: Promise<T>): Promise<T> {
  const opened = await server;
  running.push(opened);
  return opened;
}

export const plain = { questions: [plainQuestion] };
