// `betr pairs check` on files and on sets, and settings without a corpus.

import { expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { withFolder } from '../../data/collect.ts';
import { betr } from '../betr.ts';

const rows = [
  ...Array.from({ length: 6 }, (_, i) => ({
    prompt: 'Tell me a joke.',
    chosen: `Joke ${i}`,
    rejected: 'No.',
  })),
  ...Array.from({ length: 5 }, (_, i) => ({ prompt: `Question ${i}`, chosen: `Yes ${i}`, rejected: 'No.' })),
  { prompt: 'Question', chosen: '', rejected: 'No.' },
];
const lines = rows.map((row) => JSON.stringify(row)).join('\n');

it('checks files without settings, and prints the settings to write', async () => {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'data', 'my pairs.jsonl'), lines);
    const { code, stdout } = await betr(folder, ['pairs', 'check', 'data/my pairs.jsonl']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^my-pairs: 11 pairs from 12 rows$/m);
    expect(stdout).toMatch(/^ {2}prompt, chosen, rejected \(text\): 11 rows$/m);
    expect(stdout).toMatch(/^ {2}1 row, first data\/my pairs.jsonl:12: chosen is empty$/m);
    expect(stdout).toContain('--- 3 of 3: data/my pairs.jsonl:3');
    expect(stdout).toContain('Warning: 54.5% of the pairs have one and the same prompt');
    expect(stdout).toContain('Warning: with fewer than 100 pairs, difficulty is mostly noise.');
    expect(existsSync(join(folder, 'run'))).toBe(false);

    // The printed lines are settings.
    const settings = stdout.slice(stdout.indexOf('pairs:\n'));
    expect(parse(settings)).toEqual({ pairs: [{ name: 'my-pairs', files: ['data/my pairs.jsonl'] }] });
    await writeFile(join(folder, 'betr.yaml'), settings);
    const set = await betr(folder, ['pairs', 'check', '--json']);
    expect(set.code).toBe(0);
    const { sets } = z
      .object({ sets: z.array(z.object({ name: z.string(), pairs: z.number() })) })
      .parse(JSON.parse(set.stdout));
    expect(sets).toEqual([{ name: 'my-pairs', pairs: 11 }]);
    expect(existsSync(join(folder, 'run', 'pairs', 'my-pairs', 'pairs.parquet'))).toBe(true);
    const again = await betr(folder, ['pairs', 'check', 'my-pairs']);
    expect(again.stdout).toContain('Next: betr pairs measure my-pairs');

    for (const [args, code, error] of [
      [['my-pair'], 2, 'There is no set of pairs "my-pair" in the settings. Sets: my-pairs. [PAIRS_UNKNOWN]'],
      [['my-pairs', 'data/my pairs.jsonl'], 2, '[USAGE]'],
      [['data/none.jsonl'], 1, '[FILE_NOT_FOUND]'],
    ] as const)
      expect(await betr(folder, ['pairs', 'check', ...args])).toMatchObject({
        code,
        stderr: expect.stringContaining(error),
      });
  });
});

it('says in one sentence that a command needs a corpus', async () => {
  await withFolder(async (folder) => {
    await writeFile(join(folder, 'a.jsonl'), lines);
    await writeFile(
      join(folder, 'betr.yaml'),
      JSON.stringify({
        pairs: [{ name: 'a', files: ['a.jsonl'] }],
        benchmarks: [{ name: 'b', files: ['a.jsonl'] }],
      }),
    );
    for (const args of [['index'], ['run'], ['rank', '--scorer', 'length'], ['leaks', '--tests', 'a.jsonl']])
      expect([args, await betr(folder, args)]).toEqual([
        args,
        expect.objectContaining({
          code: 2,
          stderr: expect.stringMatching(
            /^betr: This needs a corpus, but \S+betr.yaml has only preference pairs\. .* \[CORPUS_MISSING\]$/m,
          ),
        }),
      ]);
    await writeFile(join(folder, 'betr.yaml'), 'run: run\n');
    expect(await betr(folder, ['index'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('corpus is missing'),
    });
  });
});
