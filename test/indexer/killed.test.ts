import { expect } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { silent } from '../../run/progress.ts';
import { openRun } from '../../run/run.ts';
import { runIndex } from '../../indexer/index.ts';
import { openBagOfWords } from './bag-of-words.ts';
import { longTest } from '../long.ts';

const kills = 4;
const script = fileURLToPath(new URL('./index-once.js', import.meta.url));

function lines(count: number, name: string): string {
  return Array.from(
    { length: count },
    (_, i) =>
      `${JSON.stringify({ id: `${name}${i}`, text: `${name} ${(i * 7) % 23} word${'s'.repeat(i % 11)} ${i}` })}\n`,
  ).join('');
}

/**
 * Runs the step in a separate process and kills it after `ms`. Returns its exit code, or null if it was
 * killed.
 */
async function runAndKill(settings: string, ms: number): Promise<number | null> {
  const child = spawn(process.execPath, [script, settings], { stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const timer = new AbortController();
  void setTimeout(ms, undefined, { signal: timer.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  );
  const code = await ended;
  timer.abort();
  return code;
}

longTest('a run that is killed again and again ends with the same bytes as an undisturbed one', async () => {
  const bag = await openBagOfWords();
  const root = await mkdtemp(join(tmpdir(), 'betr-killed-'));
  try {
    await writeFile(join(root, 'corpus.jsonl'), lines(1500, 'document'));
    await writeFile(join(root, 'bench.jsonl'), lines(50, 'example'));
    const settings = join(root, 'betr.yaml');
    await writeFile(
      settings,
      JSON.stringify({
        corpus: { files: ['corpus.jsonl'] },
        benchmarks: [{ name: 'bench', files: ['bench.jsonl'] }],
        embedding: { model: bag.url, endpointModel: 'bag' },
      }),
    );
    const run = await openRun(settings);
    const startedMs = performance.now();
    expect(await runAndKill(settings, 60_000)).toBe(0);
    const wholeMs = performance.now() - startedMs;
    const alone = await runIndex(run, silent);
    expect(alone.fresh).toBe(true);
    await rm(run.folder, { recursive: true });
    for (let kill = 1; kill <= kills; kill++) await runAndKill(settings, (kill / (kills + 1)) * wholeMs);
    const killed = await runIndex(run, silent);
    expect(killed.outputs).toEqual(alone.outputs);
    expect(killed.ranks).toEqual(alone.ranks);
    expect((await readdir(run.folder)).filter((name) => name.includes('spill'))).toEqual([]);
  } finally {
    await bag.close();
    await rm(root, { recursive: true });
  }
});
