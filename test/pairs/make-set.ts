// Makes runs with a set of preference pairs, and reads what `checkSet` wrote.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PairsCard } from '../../pairs/card.ts';
import { checkSet } from '../../pairs/check.ts';
import type { Pair } from '../../pairs/pair.ts';
import { openPairs, pairFiles, streamPairs } from '../../pairs/set.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';

/** Writes a settings file with a set "one" and opens its run. */
export async function makeSet(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  { settings = {}, ...more }: { settings?: object; benchmarks?: unknown } = {},
): Promise<Run> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const path = join(folder, 'betr.yaml');
  const names = Object.keys(files).filter((name) => !name.startsWith('test'));
  await writeFile(path, JSON.stringify({ pairs: [{ name: 'one', files: names, ...settings }], ...more }));
  return openRun(path);
}

export function jsonl(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

export interface Read {
  card: PairsCard;
  pairs: Pair[];
  quarantined: unknown[];
}

export async function check(run: Run): Promise<Read> {
  const card = await checkSet(run, 'one', silent);
  const pairs: Pair[] = [];
  for await (const some of streamPairs(await openPairs(run, 'one'))) pairs.push(...some);
  const lines = await readFile(pairFiles(run, 'one').quarantine, 'utf8').catch(() => '');
  return {
    card,
    pairs,
    quarantined: lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line)),
  };
}
