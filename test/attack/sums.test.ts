// Token counts add up exactly, or are refused with an error.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { maxDocumentTokens } from '../../run/bounds.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { noneUnusable } from '../../data/files/unusable.ts';
import { openCorpusCount, summarize } from '../../indexer/sample/corpus-count.ts';
import { compareComposition } from '../../ranking/selection/composition.ts';
import { findCutoff } from '../../ranking/cutoff.ts';
import { cutOrder } from '../../ranking/order/cut-order.ts';
import { readOrder } from '../../ranking/order/order.ts';
import { makeKeyOrder } from '../../ranking/order/key-order.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { makeTrainedRun } from '../classifier/trained-run.ts';
import { betr } from '../cli/betr.ts';
import { withFolder } from '../data/collect.ts';
import { makeRows, rankRows, withRun } from '../ranking/synthetic.ts';

/** Two of them are more than can be counted one by one. */
const huge = 2 ** 52;
const good = Array.from({ length: 40 }, (_, i) => ({
  id: `d${i}`,
  source: `s${i % 2}`,
  text: `word${i} word${7 * i}`,
  tokens: maxDocumentTokens - i * i,
}));
const bad = [huge, huge, huge, maxDocumentTokens + 1].map((tokens, i) => ({
  id: `bad${i}`,
  source: 's0',
  text: 'a document',
  tokens,
}));

it.each(['jsonl', 'parquet'])(
  'documents with more tokens than a text can have go to quarantine, and all others add up exactly: %s',
  async (format) => {
    await withFolder(async (folder) => {
      const corpus = join(folder, 'corpus');
      await mkdir(corpus);
      const lines = join(format === 'jsonl' ? corpus : folder, 'a.jsonl');
      await writeFile(lines, [...good, ...bad].map((row) => `${JSON.stringify(row)}\n`).join(''));
      if (format === 'parquet')
        await withDuckDb({ threads: 1 }, (connection) =>
          connection.run(
            `COPY (SELECT * FROM read_json(${sqlString(lines)}, columns = {id: 'VARCHAR', source: ` +
              `'VARCHAR', text: 'VARCHAR', tokens: 'BIGINT'})) TO ${sqlString(join(corpus, 'a.parquet'))} ` +
              '(FORMAT parquet)',
          ),
        );
      const run = await makeTrainedRun(folder);
      const { ranking } = await rankCorpus(run, silent);
      const exact = good.reduce((sum, { tokens }) => sum + BigInt(tokens), 0n);
      expect(ranking).toMatchObject({ documents: good.length, quarantined: bad.length });
      expect(BigInt(ranking.tokens)).toBe(exact);
      const rows = (
        await readFile(join(run.files.quarantine, (await readdir(run.files.quarantine))[0] ?? ''), 'utf8')
      )
        .trim()
        .split('\n');
      expect(rows.map((row): unknown => JSON.parse(row))).toEqual(
        bad.map(({ tokens }, i) =>
          expect.objectContaining({
            position: good.length + i,
            reason: `field "tokens" is ${tokens}, but a document can have at most 1000000000 tokens`,
          }),
        ),
      );
      expect((await verifyRanking(run, { corpus: true }, silent)).problems).toEqual([]);
      // By SQL, as the command line cuts, and from memory, as the server does.
      const order = await readOrder(run, ranking, { keyOrder: await makeKeyOrder(run, ranking) });
      for (const share of [0.1, 0.5, 0.9, 1]) {
        const cutoff = await findCutoff(run, ranking, share);
        const placed = cutOrder(order, share);
        expect(placed).toMatchObject({
          cutoff: { documents: cutoff.documents, tokens: cutoff.tokens, ofTokens: Number(exact) },
        });
        const sources = await compareComposition(run, ranking, cutoff);
        expect(sources.reduce((sum, { after }) => sum + after.tokens, 0)).toBe(cutoff.tokens);
        expect(sources.reduce((sum, { before }) => sum + before.tokens, 0)).toBe(ranking.tokens);
      }
    });
  },
);

it('a ranking whose tokens nobody can count exactly is refused, with the source that has most of them', async () => {
  await withRun(async (run) => {
    const rows = makeRows(30).map((row) => ({ ...row, tokens: row.source === 'code' ? 2 ** 51 : 1 }));
    await expect(rankRows(run, rows)).rejects.toMatchObject({
      code: 'TOKENS_TOO_MANY',
      message: expect.stringContaining('from source "code"'),
    });
  });
});

it('an index whose tokens nobody can count exactly is refused', () => {
  const count = { ...openCorpusCount(), documents: 2, countedDocuments: 2, countedTokens: 2 ** 53 };
  expect(() => summarize(count, 1, 0, noneUnusable)).toThrow(
    expect.objectContaining({ code: 'TOKENS_TOO_MANY' }),
  );
  expect(summarize({ ...count, countedTokens: 2 ** 53 - 1 }, 1, 0, noneUnusable).countedTokens).toBe(
    2 ** 53 - 1,
  );
});

it('ranks again once the documents are mended', async () => {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'corpus'));
    await writeFile(
      join(folder, 'corpus', 'bad.jsonl'),
      bad.map((row) => `${JSON.stringify(row)}\n`).join(''),
    );
    await makeTrainedRun(folder);
    expect(await betr(folder, ['rank'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/at most 1000000000 tokens.*\[NO_DOCUMENTS\]/s),
    });
    await writeFile(
      join(folder, 'corpus', 'good.jsonl'),
      good.map((row) => `${JSON.stringify(row)}\n`).join(''),
    );
    expect(await betr(folder, ['rank'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/bad\.jsonl.*at most 1000000000 tokens/),
    });
    await rm(join(folder, 'corpus', 'bad.jsonl'));
    expect(await betr(folder, ['rank'])).toMatchObject({
      code: 0,
      stdout: expect.not.stringContaining('at most'),
    });
  });
});

it('DuckDB counts tokens of any number of documents exactly', async () => {
  await withDuckDb({ threads: 1 }, async (connection) => {
    const [row] = (
      await connection.runAndReadAll(
        'SELECT sum(tokens)::DOUBLE FROM (SELECT 1000000000::BIGINT AS tokens FROM range(9007199) UNION ' +
          'ALL SELECT 254740991::BIGINT)',
      )
    ).getRows();
    expect(row).toEqual([2 ** 53 - 1]);
  });
});
