// What the commands tell the user of a judge: what is missing, what was kept, and what to run next.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rankingRun } from '../../scoring/scorers/list.ts';
import { openRun } from '../../run/run.ts';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';
import { plainQuestion } from '../indexer/judges/judge-run.ts';
import { openYesNoServer, type YesNoServer } from '../indexer/judges/yes-no-server.ts';
import { until } from '../until.ts';
import { longTest } from '../long.ts';
import { betr } from './betr.ts';
import { betrProcess, jsonl, makeDocuments, makeProject, writeSettings } from './project.ts';

jest.setTimeout(120_000);

let folder: string;
let bag: BagOfWords;
let server: YesNoServer;
const all = 'lm:space#all';

function settings(): Record<string, unknown> {
  return {
    models: [
      { name: 'server', model: server.url, requestsAtOnce: 4 },
      { name: 'try', model: 'dummy' },
    ],
    judges: [
      { name: 'space', model: 'server', questions: [plainQuestion], budget: { tokens: 1e6 } },
      { name: 'dummy', model: 'try', questions: [plainQuestion] },
    ],
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-judge-guidance-'));
  bag = await openBagOfWords();
  server = await openYesNoServer(2);
  await makeProject(folder, bag.url, {
    shards: { 'a.jsonl': jsonl(makeDocuments(600)) },
    settings: { ...settings(), benchmarks: [] },
  });
});
afterAll(async () => {
  await bag.close();
  await server.close();
  await rm(folder, { recursive: true });
});

async function tell(...args: string[]): Promise<string> {
  const { stdout, stderr } = await betr(folder, args);
  return stdout + stderr;
}

describe('without benchmarks', () => {
  it('commands name the scorer, and the judging that needs no index', async () => {
    expect(await tell('index')).toMatch(/fasttext:FILE or lm:JUDGE#all needs none/);
    expect(await tell('rank', '--scorer', 'lm:space')).toMatch(
      /Run "betr index" first\. It needs benchmarks, and the settings have none\. .*: --scorer lm:space#all\./,
    );
    expect(await tell('work', '--scorer', all)).toMatch(
      /no ranking by lm:space#all yet\. Run "betr rank --scorer lm:space#all" first/,
    );
    expect(await tell('cutoff', '--scorer', all, '--keep', '.1')).toMatch(
      /no ranking by lm:space#all yet\. Run "betr rank --scorer lm:space#all" first/,
    );
    expect(await tell('status', '--scorer', all)).toMatch(
      /none yet; this ranking needs none\nJudge +space: no document judged yet, .*\nRanking +none yet: .* lm:space#all/,
    );
  });

  longTest('an interrupted ranking says what is kept, shows its progress, and goes on', async () => {
    const stop = { after: until(() => server.asked.length > 200), signal: 'SIGINT' as const };
    const command = ['rank', '--scorer', 'lm:space', '--all', '--workers', '2'];
    expect(await betrProcess(folder, command, {}, stop)).toMatchObject({
      code: 130,
      stderr: expect.stringMatching(
        /score \(estimated total\): 0 of \d+ documents[^]*Interrupted\. Everything finished so far is kept;/,
      ),
    });
    const status = await tell('status', '--scorer', all);
    expect(status).toMatch(/Files +.*rankings.lm-all-space-/);
    const [, judged = '', spent = '', left = ''] =
      /about ([\d,]+) documents judged, ([\d,]+) tokens spent, ([\d,]+) left/.exec(status) ?? [];
    expect(Number(judged)).toBeGreaterThan(150);
    expect(Number(judged)).toBeLessThan(600);
    expect(Number(spent.replaceAll(',', '')) + Number(left.replaceAll(',', ''))).toBe(1e6);
    expect(status).toMatch(/To score +1 shard: betr rank --scorer lm:space#all\nUnfinished +lm:space#all/);
    expect(status).not.toMatch(/Rankings/);

    const again = await tell(...command);
    const [, stored = ''] = /The model had judged ([\d,]+) of 600 documents before/.exec(again) ?? [];
    expect(Number(stored)).toBeGreaterThanOrEqual(Number(judged));
    expect(again).toMatch(
      /There was one chunk to score, so only one of 2 workers had something to do\..*scoring\.chunkMegabytes/,
    );
    expect(again).toContain(`Files: ${join(folder, 'run', 'rankings', 'lm-all-space-')}`);
    expect(again).not.toContain('dummy');
  });

  longTest('where only other rankings exist, they are named', async () => {
    expect(await tell('cutoff', '--keep', '.1')).toMatch(
      /no ranking yet\. Run "betr run" first\. There are rankings by other scorers: --scorer lm:space#all\./,
    );
    expect(await tell('status')).toMatch(/Ranking +none yet[^]*Rankings +lm:space#all \(--scorer NAME\)/);
  });

  longTest('a shard is suggested where its name ends with what was given', async () => {
    expect(await tell('why', 'a.jsonl', '3', '--scorer', all)).toMatch(/Did you mean corpus\/a\.jsonl\?/);
    expect(await tell('why', join(folder, 'corpus', 'a.jsonl'), '3', '--scorer', all)).toMatch(
      /Did you mean corpus\/a\.jsonl\?/,
    );
    expect(await tell('why', 'b.jsonl', '3', '--scorer', all)).toMatch(
      /column "shard" of selection\.parquet/,
    );
    expect(await tell('why', 'corpus/a.jsonl', '3', '--scorer', all)).toMatch(/question_useful/);
  });
});

describe('with benchmarks', () => {
  it('a sample that is too small is refused before the judge is asked', async () => {
    await writeSettings(folder, bag.url, { ...settings(), sample: { documents: 100 } });
    expect((await betr(folder, ['index'])).code).toBe(0);
    const before = server.asked.length;
    for (const more of [[], ['--dry-run']])
      expect(await tell('rank', '--scorer', 'lm:space', ...more)).toMatch(
        /sample has only 100 documents, but training needs at least 500\..*lm:space#all.*TRAINING_TOO_SMALL/,
      );
    expect(server.asked.length).toBe(before);
  });

  it('a ranking by a dummy says so, and that its classifier learned nothing', async () => {
    await writeSettings(folder, bag.url, settings());
    expect((await betr(folder, ['index'])).code).toBe(0);
    const ranked = await tell('rank', '--scorer', 'lm:dummy', '--force-judge');
    expect(ranked).toMatch(/judge the sample by dummy: 0 of 600 documents/);
    expect(ranked).toMatch(/Note: The model "try" is a dummy: its answers are pseudo-random/);
    expect(ranked).toMatch(/Note: The classifier did not learn these scores/);
    const { files } = rankingRun(await openRun(join(folder, 'betr.yaml')), 'lm:dummy');
    expect(files.targets).toContain('lm-dummy');
    const why = await tell('why', 'corpus/a.jsonl', '3', '--scorer', 'lm:dummy');
    expect(why).toMatch(/learned {2}in the sample[^]*\n {4}score {2}[\d.]+[^]*question_useful/);
    expect(why).not.toMatch(/cooking|astronomy|\(joint\)|nearest/);
  });
});
