// What `betr pairs check` counts, refuses, and writes.

import { describe, expect, it } from '@jest/globals';
import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkSet } from '../../pairs/check.ts';
import { openPairs, pairFiles } from '../../pairs/set.ts';
import { BetrError } from '../../run/errors/errors.ts';
import { silent } from '../../run/progress.ts';
import { withFolder } from '../data/collect.ts';
import { findShared } from '../shared/find.ts';
import { check, jsonl, makeSet } from './make-set.ts';

describe('the check of pairs', () => {
  const pair = (prompt: string, chosen: string, rejected: string, more: object = {}): object => ({
    prompt,
    chosen,
    rejected,
    ...more,
  });

  it('counts repeated, contradicting and swapped pairs, prompts, and lengths', async () => {
    await withFolder(async (folder) => {
      const { card } = await check(
        await makeSet(folder, {
          'a.jsonl': jsonl([
            pair('p', 'aa', 'b', { source: 's', score_chosen: 1, score_rejected: 2 }),
            pair('p', 'aa', 'b', { source: 's', score_chosen: 2, score_rejected: 1 }),
            pair('p', 'b', 'aa', { source: 's', score_chosen: 2 }),
            pair('P', 'aa', 'b', { source: 't' }),
            pair('q', 'aaa', 'bbbb'),
          ]),
        }),
      );
      expect(card).toMatchObject({ pairs: 5, files: [{ path: 'a.jsonl', rows: 5 }] });
      expect(card.checked).toMatchObject({
        rows: 5,
        quarantined: 0,
        duplicates: 1,
        contradictions: 3,
        scored: 2,
        swapped: 1,
        prompts: 2,
        commonPrompt: { pairs: 4, id: 'a.jsonl:1', prompt: 'p' },
        tests: null,
        prompt: { median: 1, p90: 1, most: 1 },
        chosen: { median: 2, most: 3 },
        rejected: { median: 1, most: 4 },
        chosenLonger: 0.6,
        sources: [
          { source: 's', pairs: 3, chosen: 2, rejected: 1, chosenLonger: 2 / 3 },
          { source: 't', pairs: 1, chosenLonger: 1 },
          { source: null, pairs: 1, chosenLonger: 0 },
        ],
      });
    });
  });

  it('puts spoiled rows into the quarantine, with the reason and the place', async () => {
    await withFolder(async (folder) => {
      const { card, pairs, quarantined } = await check(
        await makeSet(folder, {
          'a.jsonl': [
            '{"prompt": "p", "chosen": "a", "rejected": "a"}',
            '{"prompt": "p", "chosen": "a", "rejected": "b"}',
            '{"prompt": "p", "chosen": ',
            '',
            '{"prompt": "p", "chosen": "a", "rejected": "a"}',
            `{"prompt": "p", "chosen": "a", "rejected": "${'x'.repeat(3_000_000)}"}`,
          ].join('\n'),
        }),
      );
      expect(pairs.map(({ line, rejected }) => [line, rejected.length])).toEqual([
        [2, 1],
        [6, 3_000_000],
      ]);
      expect(quarantined).toMatchObject([
        { file: 'a.jsonl', position: 0, reason: 'chosen and rejected are equal' },
        { file: 'a.jsonl', position: 2, reason: 'not valid JSON' },
        { file: 'a.jsonl', position: 4, reason: 'chosen and rejected are equal' },
      ]);
      expect(card.checked).toMatchObject({ rows: 5, quarantined: 3 });
      expect(card.checked.reasons).toEqual([
        { reason: 'chosen and rejected are equal', rows: 2, first: 'a.jsonl:1' },
        { reason: 'not valid JSON', rows: 1, first: 'a.jsonl:3' },
      ]);
    });
  });

  it('finds prompts with words of the tests in the settings', async () => {
    const question = 'Which of these planets is the largest in our own solar system today, do you think?';
    await withFolder(async (folder) => {
      const run = await makeSet(
        folder,
        {
          'a.jsonl': jsonl([
            pair(`Please help. ${question.toUpperCase()} Thanks.`, 'a', 'b'),
            pair('Which planet is the largest?', 'a', 'b'),
          ]),
          'test.jsonl': jsonl([{ id: 't1', question, answer: 'Jupiter' }]),
        },
        { benchmarks: [{ name: 'quiz', files: ['test.jsonl'], tests: ['test.jsonl'] }] },
      );
      const { card } = await check(run);
      expect(card.checked.tests).toMatchObject({
        items: 1,
        pairs: 1,
        benchmarks: [{ benchmark: 'quiz', pairs: 1 }],
        first: [{ id: 'a.jsonl:1', benchmark: 'quiz', item: 't1' }],
      });
      // Other tests are another check.
      await writeFile(
        join(folder, 'test.jsonl'),
        jsonl([{ question: 'Who was it that wrote all of these books?', answer: 'B' }]),
      );
      const other = await check(run);
      expect(other.card.checked.tests?.pairs).toBe(0);
    });
  });

  it('does nothing twice, and everything again after a change', async () => {
    await withFolder(async (folder) => {
      const run = await makeSet(folder, { 'a.jsonl': jsonl([pair('p', 'a', 'b')]) });
      await check(run);
      const first = await openPairs(run, 'one');
      const { card, table } = pairFiles(run, 'one');
      const before = await readFile(card, 'utf8');
      await check(run);
      expect(await readFile(card, 'utf8')).toBe(before);

      await appendFile(join(folder, 'a.jsonl'), jsonl([pair('q', 'a', 'b')]));
      expect((await check(run)).pairs).toHaveLength(2);
      expect((await openPairs(run, 'one')).seal).not.toBe(first.seal);

      await truncate(table, 100);
      await expect(openPairs(run, 'one')).rejects.toMatchObject({ code: 'FILE_DAMAGED' });
      expect((await check(run)).pairs).toHaveLength(2);

      await writeFile(card, (await readFile(card, 'utf8')).replace('"pairs": 2', '"pairs": 3'));
      await expect(openPairs(run, 'one')).rejects.toMatchObject({ code: 'FILE_DAMAGED' });
      expect((await check(run)).card.pairs).toBe(2);
    });
  });

  it('says which field no row has, and which fields there are', async () => {
    await withFolder(async (folder) => {
      const files = { 'a.jsonl': jsonl([{ prompt: 'p', good: 'a', bad: 'b', domain: 'd' }]) };
      const failure = async (settings: object): Promise<unknown> =>
        checkSet(await makeSet(folder, files, { settings }), 'one', silent).then(
          () => 'no error',
          (error: unknown) => (error instanceof BetrError ? [error.code, error.message] : error),
        );
      expect(await failure({ fields: { chosen: 'good', rejected: 'bad', category: 'domains' } })).toEqual([
        'PAIRS_FIELD_MISSING',
        expect.stringContaining(
          'No row of the pairs "one" has the field "domains" (fields.category). They have: domain, ',
        ),
      ]);
      expect(await failure({ fields: { chosen: 'good', rejected: 'bad' } })).toBe('no error');
      expect(await failure({ logProbabilities: { chosen: 'c_{model}', rejected: 'r' } })).toEqual([
        'PAIRS_FIELD_MISSING',
        expect.stringContaining('has the field "c_{model}" (logProbabilities.chosen)'),
      ]);
      expect(await failure({})).toEqual([
        'PAIRS_NONE',
        'The pairs "one": none of 1 rows is usable.\n' +
          '  - 1 row, first a.jsonl:1: no chosen and rejected answer, and no list of answers with scores\n' +
          'The rows have the fields prompt, good, bad, domain.',
      ]);
    });
  });

  it('reads real pairs: UltraFeedback', async () => {
    const path = findShared('data', 'preference', 'ultrafeedback_1k.jsonl.gz');
    if (path === undefined) return;
    await withFolder(async (folder) => {
      const { card } = await check(await makeSet(folder, { 'a.jsonl.gz': await readFile(path) }));
      expect([card.files[0]?.rows, card.pairs, card.checked.quarantined]).toEqual([999, 993, 6]);
      expect(card.checked.shapes).toEqual([
        { shape: 'prompt, chosen, rejected (text)', rows: 993, pairs: 993 },
      ]);
      expect(card.checked.shown).toHaveLength(3);
    });
  });
});
