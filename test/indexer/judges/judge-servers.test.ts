// A judge whose model is at several servers.

import { afterAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { openJudge } from '../../../indexer/judges/judge.ts';
import { silent } from '../../../run/progress.ts';
import { openJudgeRun, plainQuestion } from './judge-run.ts';
import { openYesNoServer } from './yes-no-server.ts';

const opened: { close: () => Promise<unknown> }[] = [];
afterAll(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function judgeAt(model: unknown, texts: string[], during?: (done: number) => void): Promise<unknown> {
  const { folder, run } = await openJudgeRun(
    [{ name: 'judge', model: 'try', questions: [plainQuestion] }],
    [{ name: 'try', model, requestsAtOnce: 2 }],
  );
  opened.push({ close: () => rm(folder, { recursive: true }) });
  const judge = await openJudge(run, 'judge', silent);
  opened.push(judge);
  return (await judge.judge(texts, during)).map(({ score }) => score);
}

describe('a judge at several servers', () => {
  it('keeps all of them busy, gives the scores of one, and goes on when one is gone', async () => {
    const servers = await Promise.all([1, 2, 3].map(() => openYesNoServer(20)));
    opened.push(...servers);
    const texts = Array.from({ length: 60 }, (_, i) => `A ${'star '.repeat(i % 5)}text number ${i}.`);
    const [one, two, three] = servers;
    const alone = await judgeAt(one?.url, texts);
    let closing: Promise<void> | undefined;
    const together = await judgeAt(
      servers.map(({ url }) => url),
      texts,
      (done) => {
        if (done > 20) closing ??= two?.close();
      },
    );
    await closing;
    expect(together).toEqual(alone);
    expect(three?.most()).toBe(2);
    expect(two?.asked.length).toBeGreaterThan(8);
    expect(three?.asked.length).toBeGreaterThan(15);
  });
});
