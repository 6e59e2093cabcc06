// Rankings by a scorer that leaves some documents without a score, against rankings made the slow and obvious
// way.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { commitBytes } from '../../data/files/commit.ts';
import { scoreBin } from '../../scoring/part.ts';
import { readPlan } from '../../scoring/plan.ts';
import { listTasks } from '../../scoring/tasks.ts';
import { readPublishedParts } from '../../scoring/published.ts';
import { openConnections, scoreChunk } from '../../scoring/score-chunk.ts';
import { openScorer, readScorer, rankingRun } from '../../scoring/scorers/list.ts';
import { readTokenRates } from '../../indexer/sample/tokens.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { findCutoff } from '../../ranking/cutoff.ts';
import { type Ranking, readRanking } from '../../ranking/generation.ts';
import { findDocument, listDocuments } from '../../ranking/list-documents.ts';
import { cutOrder } from '../../ranking/order/cut-order.ts';
import { makeKeyOrder } from '../../ranking/order/key-order.ts';
import { readOrder } from '../../ranking/order/order.ts';
import { retargetRanking } from '../../ranking/order/retarget.ts';
import { readKeys } from '../../ranking/order/positions.ts';
import { placeDocument } from '../../ranking/percentile.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { writeSelection } from '../../ranking/selection/select.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { forgetScores, withCorpus } from '../classifier/trained-run.ts';
import { betr } from '../cli/betr.ts';
import { rounds } from '../long.ts';
import { pick, pickyDetails } from '../scoring/picky-scorer.ts';
import {
  asSelected,
  byPlace,
  corpora,
  groupSlowly,
  type Line,
  readSelected,
  scoreSlowly,
  withPicky,
} from './picky-corpora.ts';
import { keepByPlainSort, sumTokens } from './synthetic.ts';

async function hashScores({ files }: Run): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(files.scores)).sort())
    hash.update(name).update(await readFile(join(files.scores, name)));
  return hash.digest('hex');
}

describe('a scorer that leaves documents without a score', () => {
  it('has them counted apart, and cut, ordered, placed and selected without them', async () => {
    await fc.assert(
      fc.asyncProperty(corpora, fc.double({ min: 0.001, max: 1, noNaN: true }), async (shards, share) => {
        await withPicky(shards, async (main, run, folder) => {
          const { ranking } = await rankCorpus(main, silent, 'picky');
          const { scored, unknown } = scoreSlowly(shards);
          expect(ranking).toMatchObject({ documents: scored.length, tokens: sumTokens(scored) });
          expect(ranking.unknown).toEqual(groupSlowly(unknown));
          const bins = new Map<number, [number, number]>();
          for (const { score, tokens } of scored) {
            const [documents, sum] = bins.get(scoreBin(score)) ?? [0, 0];
            bins.set(scoreBin(score), [documents + 1, sum + tokens]);
          }
          expect(ranking.histogram).toEqual(
            [...bins].sort(([a], [b]) => b - a).map(([bin, sums]) => [bin, ...sums]),
          );

          const kept = keepByPlainSort(scored, share);
          const cutoff = await findCutoff(run, ranking, share);
          expect(cutoff).toMatchObject({
            documents: kept.length,
            tokens: sumTokens(kept),
            ofDocuments: scored.length,
            ofTokens: sumTokens(scored),
          });
          const order = await readOrder(run, ranking, { keyOrder: await makeKeyOrder(run, ranking) });
          expect(cutOrder(order, share)).toMatchObject({ cutoff: { documents: kept.length } });
          const inOrder = keepByPlainSort(scored, 1);
          const keys = await readKeys(run, ranking, order.positions);
          const keyAt = new Map(keys.map(({ position, ...key }) => [position, key]));
          expect([...order.positions].map((position) => keyAt.get(position))).toEqual(
            inOrder.map(({ document, shard, row }) => ({ document, shard, row })),
          );
          const { documents } = await listDocuments(
            run,
            ranking,
            { order: 'top', seed: 1, limit: 400 },
            cutoff,
          );
          expect(documents.map((one) => [one.shard, one.row, one.score, one.kept])).toEqual(
            inOrder.map(({ shard, row, score }, i) => [shard, row, score, i < kept.length]),
          );
          const last = inOrder.at(-1);
          if (last !== undefined)
            expect(
              await placeDocument(run, ranking, await findDocument(run, ranking, last.shard, last.row)),
            ).toMatchObject({
              rank: scored.length,
              of: scored.length,
              keptFrom: sumTokens(scored) === 0 ? 0 : 1,
            });

          const chosen = await retargetRanking(run, ranking, { benchmarks: ['other'] });
          const percentiles = scored.map((row) => ({
            ...row,
            score: Math.fround(
              scored.filter(({ scores }) => (scores?.['other'] ?? 0) <= (row.scores?.['other'] ?? 0)).length /
                scored.length,
            ),
          }));
          const { documents: byOther } = await listDocuments(run, chosen, {
            order: 'top',
            seed: 1,
            limit: 400,
          });
          expect(byOther.map((one) => [one.shard, one.row, one.score])).toEqual(
            keepByPlainSort(percentiles, 1).map(({ shard, row, score }) => [shard, row, score]),
          );

          const out = join(folder, 'out');
          const { unknown: dropped } = await writeSelection(
            run,
            ranking,
            { keep: share },
            out,
            { format: 'rows' },
            silent,
          );
          expect(await readSelected(out)).toEqual(kept.sort(byPlace).map(asSelected));
          expect(dropped?.reasons).toEqual(ranking.unknown);
          const whole = await writeSelection(
            run,
            ranking,
            { keep: share },
            out,
            { format: 'documents', keepUnknown: true },
            silent,
          );
          const both = [...kept, ...unknown].sort(byPlace);
          expect(await readSelected(out)).toEqual(both.map(asSelected));
          expect(whole).toMatchObject({ documents: both.length, tokens: sumTokens(both) });
          expect((await verifyRanking(run, { corpus: true }, silent)).problems).toEqual([]);
        });
      }),
      { numRuns: rounds(16) },
    );
  }, 240_000);

  it('must leave some with one', async () => {
    const short = (i: number): Line => ({ id: `key-${i}`, source: 'books', tokens: 3, text: 'short' });
    await withPicky([[short(1), short(2)]], async (main) => {
      await expect(rankCorpus(main, silent, 'picky')).rejects.toMatchObject({
        code: 'NO_SCORES',
        message: expect.stringMatching(/none of the 2 documents a score.*\(too-short: 2\)\. /),
      });
    });
  });

  it('is ranked to the same bytes by two processes, and when it continues inside a chunk', async () => {
    const imported = pathToFileURL(new URL('../scoring/picky-scorer.js', import.meta.url).pathname).href;
    await withCorpus(async (main) => {
      const run = rankingRun(main, 'picky');
      await rankCorpus(main, silent, 'picky');
      const alone = await hashScores(run);
      await forgetScores(run);
      const before = process.env['NODE_OPTIONS'];
      process.env['NODE_OPTIONS'] = `${before ?? ''} --import=${imported}`;
      try {
        const two = { ...main, settings: { ...main.settings, workers: 2 } };
        await rankCorpus(two, silent, 'picky');
      } finally {
        if (before === undefined) delete process.env['NODE_OPTIONS'];
        else process.env['NODE_OPTIONS'] = before;
      }
      expect(await hashScores(run)).toBe(alone);

      const { byChunk } = await readPublishedParts(run);
      const task = listTasks(run, await readPlan(run)).find(
        ({ name }) => (byChunk.get(name)?.length ?? 0) > 1,
      );
      const parts = byChunk.get(task?.name ?? '') ?? [];
      const { close, ...connections } = await openConnections(join(run.folder, 'spill'));
      try {
        const context = {
          scorer: await openScorer(run, await readScorer(run)),
          rates: await readTokenRates(run),
          fields: run.settings.corpus.fields,
          folder: run.files.scores,
          quarantine: run.files.quarantine,
          ...connections,
        };
        if (task === undefined) throw new Error('no chunk has several parts');
        for (const { file } of parts.slice(1)) await rm(join(run.files.scores, file));
        const rest = [];
        for await (const part of scoreChunk(task, parts.slice(0, 1), context, () => true)) rest.push(part);
        expect(rest).toEqual(parts.slice(1));
        // In the middle of a batch.
        let left = 150;
        const begun = [];
        for await (const part of scoreChunk(task, [], context, (done) => (left -= done) > 0))
          begun.push(part);
        expect(begun.length).toBeLessThan(parts.length);
        const others = [];
        for await (const part of scoreChunk(task, begun, context, () => true)) others.push(part);
        expect([...begun, ...others]).toEqual(parts);
      } finally {
        close();
      }
      expect(await hashScores(run)).toBe(alone);
    });
  });

  it('has its counts verified, of the ranking, the cards and the parts', async () => {
    await withCorpus(async (main) => {
      const run = rankingRun(main, 'picky');
      const { ranking } = await rankCorpus(main, silent, 'picky');
      const problemsOf = async (): Promise<string[]> =>
        (await verifyRanking(run, { corpus: false }, silent)).problems;
      expect(await problemsOf()).toEqual([]);
      const text = await readFile(run.files.ranking, 'utf8');
      const reseal = async (changed: Ranking): Promise<void> => {
        const sha256 = createHash('sha256').update(JSON.stringify(changed)).digest('hex');
        await commitBytes(run.files.ranking, `${JSON.stringify({ ...changed, sha256 }, null, 1)}\n`);
      };
      const [first, ...others] = ranking.unknown ?? [];
      if (first === undefined) throw new Error('every document has a score');
      await reseal({ ...ranking, unknown: [{ ...first, documents: first.documents + 1 }, ...others] });
      expect(await problemsOf()).toEqual([
        'the documents without a score in ranking.json do not match its parts',
      ]);
      await reseal({ ...ranking, unknown: [{ ...first, reason: 'other' }, ...others] });
      expect(await problemsOf()).toEqual([
        'the documents without a score in ranking.json do not match its parts',
      ]);
      await reseal({
        ...ranking,
        parts: ranking.parts.map((part) => ({ ...part, unknownTokens: (part.unknownTokens ?? 0) + 1 })),
      });
      expect((await problemsOf()).join()).toMatch(/tokens of documents without a score should be \d+, found/);
      await reseal({
        ...ranking,
        parts: ranking.parts.map((part) => ({
          ...part,
          unknownDocuments: undefined,
          covers: part.covers.map((rows) => ({ ...rows, unknown: undefined })),
        })),
      });
      expect((await problemsOf()).join()).toMatch(/documents without a score should be 0, found \d+/);
      await commitBytes(run.files.ranking, text);
      expect(await problemsOf()).toEqual([]);
    });
  });

  it('is shown by rank, status, verify, select and why', async () => {
    await withCorpus(async (main, folder) => {
      const told = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await betr(folder, [...args, '--scorer', 'picky']);
        expect([code, stderr]).toEqual([0, expect.anything()]);
        return stdout;
      };
      const counts = /[\d,]+ documents \([\d,]+ tokens\) have no score \(refused: \d+, too-short: \d+\)/;
      expect(await told('rank')).toMatch(counts);
      expect(await told('status')).toMatch(counts);
      expect(await told('verify')).toMatch(/scored, \d+ without a score, \d+ in quarantine/);
      expect(await told('select', '--keep', '0.1', '--out', 'a')).toMatch(/They were left out/);
      expect(await told('select', '--keep', '0.1', '--out', 'b', '--keep-unknown')).toMatch(/They were kept/);
      expect((await readSelected(join(folder, 'b'))).filter(({ score }) => score === null)).toHaveLength(
        (await readRanking(rankingRun(main, 'picky'))).unknown?.reduce(
          (sum, one) => sum + one.documents,
          0,
        ) ?? 0,
      );

      const lines = (await readFile(join(folder, 'corpus', 'plain.jsonl'), 'utf8')).split('\n');
      const picked = lines.map((text) => {
        try {
          return pick(z.object({ text: z.string() }).parse(JSON.parse(text)).text);
        } catch {
          return undefined;
        }
      });
      const short = picked.findIndex((one) => one?.reason === 'too-short');
      const good = picked.findIndex((one) => one?.reason === null);
      const why = await told('why', 'corpus/plain.jsonl', String(short));
      expect(why).toMatch(/no score: too-short\n {2}length {2}\d+\n {2}vowels {2}none/);
      expect(await told('why', 'corpus/plain.jsonl', String(good))).toMatch(
        new RegExp(`score {4}${picked[good]?.score ?? ''}, rank [\\d,]+ of`),
      );
      expect(JSON.parse(await told('why', 'corpus/plain.jsonl', String(short), '--json'))).toMatchObject({
        score: null,
        place: null,
        unknown: 'too-short',
        details: { vowels: null },
      });
      expect(pickyDetails).toEqual(['length', 'vowels']);
      expect(await betr(folder, ['why', 'corpus/plain.jsonl', '9999', '--scorer', 'picky'])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/9999/),
      });
    });
  });
});
