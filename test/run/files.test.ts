import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { trainClassifier } from '../../classifier/train.ts';
import { withLock } from '../../data/files/lock.ts';
import { runIndex } from '../../indexer/index.ts';
import { saveCalibration } from '../../ranking/budget/calibrations.ts';
import { readRanking } from '../../ranking/generation.ts';
import { prepareForServer } from '../../ranking/order/prepare.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { runFiles, spillPrefix } from '../../run/files.ts';
import { silent } from '../../run/progress.ts';
import { makeKey } from '../../server/keys-file.ts';
import { serveRun } from '../../server/listen.ts';
import { makeRealRun, type RealRun } from '../server/real-run.ts';

const folder = '/run';
const topNames = (ranking?: string, top = folder): string[] => [
  ...new Set(Object.values(runFiles(folder, ranking)).map((path) => relative(top, path).split('/')[0] ?? '')),
];
/** A file that may be written has its temporary file and its lock beside it. */
const isKnown = (name: string, known: readonly string[]): boolean =>
  known.includes(name.replace(/\.lock$/, '')) || name.startsWith(spillPrefix) || /^\..*\.tmp$/.test(name);

describe('the list of run files', () => {
  let real: RealRun;
  beforeAll(async () => {
    real = await makeRealRun();
  });
  afterAll(() => real.close());

  it('has every file and folder that a run creates, even temporarily', async () => {
    const { run } = real;
    const seen = new Set<string>();
    const watcher = watch(run.folder, (_event, name) => name !== null && seen.add(name));
    await withLock(run, () => runIndex(run, silent));
    await withLock(run, () => trainClassifier(run, silent));
    await rankCorpus(run, silent);
    await rankCorpus(run, silent, 'random');
    await prepareForServer(run, await readRanking(run), silent, { fewest: 0, most: Infinity });
    await saveCalibration(run, 'mine', '{}');
    const { key } = await makeKey(run.files.apiKeys, 'read');
    const server = await serveRun(run, { host: '127.0.0.1', port: 0 });
    const answer = await fetch(`${server.url}/selection?keep=0.1&benchmarks=cooking`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
    await server.stop();
    watcher.close();
    for (const name of await readdir(run.folder)) seen.add(name);

    expect([...seen].filter((name) => !isKnown(name, topNames()))).toEqual([]);
    // What lasts, and what is there only while a step works.
    expect([...seen]).toEqual(
      expect.arrayContaining([
        'classifier',
        'jobs',
        'keys',
        'keys.json',
        'order',
        'ranks',
        'retargeted',
        'calibrations',
        'rankings',
        'index-next',
        'lock',
      ]),
    );
    const inRanking = topNames('random', '/run/rankings/random').filter((name) => name !== '..');
    expect(
      (await readdir(`${run.files.rankings}/random`)).filter((name) => !isKnown(name, inRanking)),
    ).toEqual([]);
  });

  it('is what docs/run-folder.md names', () => {
    const page = readFileSync(fileURLToPath(new URL('../../../docs/run-folder.md', import.meta.url)), 'utf8');
    const [, tree = ''] = /```\nrun\/\n([^]*?)```/.exec(page) ?? [];
    const named = new Set(tree.split(/[^\w.*-]+/));
    expect([...topNames(), `${spillPrefix}*`].filter((name) => !named.has(name))).toEqual([]);
  });
});
