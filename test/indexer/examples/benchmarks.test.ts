import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silent } from '../../../run/progress.ts';
import { runIndex } from '../../../indexer/index.ts';
import { cooking, astronomy, makeRun, readRows } from '../runs.ts';

describe('the examples', () => {
  it('are equally many for each benchmark, the same for any order of rows, and each text once', async () => {
    const one = await makeRun({
      benchmarks: { cooking: [...cooking, { ...cooking[0], id: 'z' }], astronomy },
    });
    const two = await makeRun({
      benchmarks: { cooking: [...cooking].reverse(), astronomy: [...astronomy].reverse() },
    });
    const card = await runIndex(one, silent);
    await runIndex(two, silent);
    expect(card.examples).toMatchObject([
      { examples: 6, found: 7, duplicates: 1 },
      { examples: 6, found: 9 },
    ]);
    expect(await readRows(two.files.examples)).toEqual(await readRows(one.files.examples));
    expect((await readRows(one.files.examples))[0]).toMatchObject({
      benchmark: 'cooking',
      text: expect.stringMatching(/^How to .*\?\nslowly$/),
    });
  });

  it('are all of them, up to the cap, if the settings say so', async () => {
    const run = await makeRun({ settings: { examples: { equal: false, perBenchmark: 8 } } });
    expect((await runIndex(run, silent)).examples).toMatchObject([{ examples: 6 }, { examples: 8 }]);
  });

  it('leave out invalid rows and report the reason', async () => {
    const run = await makeRun({
      benchmarks: {
        cooking: [
          ...cooking,
          { question: 'Why?' },
          'not json',
          { question: 'Which?', choices: ['a'], gold: 7 },
        ],
        astronomy,
      },
    });
    expect((await runIndex(run, silent)).examples[0]).toMatchObject({ examples: 6, quarantined: 3 });
    const files = (await readdir(run.files.quarantine, { recursive: true })).filter((name) =>
      name.endsWith('.jsonl'),
    );
    const text = (
      await Promise.all(files.map((name) => readFile(join(run.files.quarantine, name), 'utf8')))
    ).join('');
    expect(text).toMatch(/gold is \\"7\\"/);
    expect(text).toMatch(/no answer/);
  });

  it('fail if a benchmark has none, or if a template uses a field that no row has', async () => {
    await expect(
      runIndex(await makeRun({ benchmarks: { cooking, none: [{ question: 'Why?' }] } }), silent),
    ).rejects.toMatchObject({ code: 'NO_EXAMPLES', values: { benchmark: 'none', quarantined: 1 } });
    const template = await makeRun({
      settings: {
        benchmarks: [{ name: 'cooking', files: ['cooking.jsonl'], template: '{question}\n{reply}' }],
      },
    });
    await expect(runIndex(template, silent)).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining(
        'benchmarks[0].template: no row has a field "reply"; they have answer, id, question',
      ),
    });
  });
});
