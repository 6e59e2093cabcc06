// The files and commands of a ranking whose scorer leaves some documents without a score.

import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { commitBytes } from '../../data/files/commit.ts';
import { readPlan } from '../../scoring/plan.ts';
import { listTasks } from '../../scoring/tasks.ts';
import { readPublishedParts } from '../../scoring/published.ts';
import { openConnections, scoreChunk } from '../../scoring/score-chunk.ts';
import { openScorer, readScorer, rankingRun } from '../../scoring/scorers/list.ts';
import { readTokenRates } from '../../indexer/sample/tokens.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { type Ranking, readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { forgetScores, withCorpus } from '../classifier/trained-run.ts';
import { betr } from '../cli/betr.ts';
import { pick, pickyDetails } from '../scoring/picky-scorer.ts';
import '../scoring/use-picky.ts';
import { readSelected } from './picky-corpora.ts';

async function hashScores({ files }: Run): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(files.scores)).sort())
    hash.update(name).update(await readFile(join(files.scores, name)));
  return hash.digest('hex');
}

describe('a scorer that leaves documents without a score', () => {
  it('is ranked to the same bytes by two processes, and when it continues inside a chunk', async () => {
    const imported = pathToFileURL(new URL('../scoring/add-picky.js', import.meta.url).pathname).href;
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
