import { describe, expect, it } from '@jest/globals';
import { silent } from '../../../run/progress.ts';
import { runIndex } from '../../../indexer/index.ts';
import { estimateTokens, readTokenRates } from '../../../indexer/sample/tokens.ts';
import { documents, makeRun, readRows } from '../runs.ts';

describe('the sample', () => {
  it('is the same for any order of files and rows', async () => {
    const settings = { sample: { documents: 20, seed: 3 } };
    const straight = await makeRun({ settings });
    const shuffled = await makeRun({
      settings,
      shards: { c: [...documents.slice(20)].reverse(), z: documents.slice(0, 20) },
    });
    const other = await makeRun({ settings: { sample: { documents: 20, seed: 4 } } });
    for (const run of [straight, shuffled, other]) await runIndex(run, silent);
    const sampled = await readRows(straight.files.sample, 'document, source, text');
    expect(sampled.length).toBe(20);
    expect(await readRows(shuffled.files.sample, 'document, source, text')).toEqual(sampled);
    expect(await readRows(other.files.sample, 'document, source, text')).not.toEqual(sampled);
    expect(await readRows(shuffled.files.targets)).toEqual(await readRows(straight.files.targets));
  });

  it('drops and counts later rows of a key and later documents of a text', async () => {
    const shards = {
      a: [...documents, { id: 'kitchen-0', text: 'the same key again', source: 'late' }],
      b: [{ id: 'copy', source: 'late', text: documents[5]?.text }],
    };
    const run = await makeRun({ shards });
    const card = await runIndex(run, silent);
    expect(card).toMatchObject({
      corpus: { documents: 62 },
      sample: { documents: 60, duplicateKeys: 1, duplicateTexts: 1 },
    });
    const sampled = await readRows(run.files.sample);
    expect(new Set(sampled.map(({ text }) => text)).size).toBe(60);
    expect(sampled.find(({ document }) => document === 'kitchen-0')).toMatchObject({
      shard: 'corpus/a.jsonl',
      text: documents[0]?.text,
    });
  });

  it('counts invalid rows and continues; without a usable row it fails', async () => {
    const bad = ['{"id": "half', { id: 'empty', text: '' }, { id: 'number', text: 5 }];
    const card = await runIndex(await makeRun({ shards: { a: [...documents, ...bad] } }), silent);
    expect(card.corpus).toMatchObject({
      documents: 60,
      quarantined: 3,
      withoutDocuments: { unusable: 0, empty: 0, first: [] },
    });
    const reason = 'field "text" is empty';
    await expect(
      runIndex(await makeRun({ shards: { a: bad.slice(1), b: [] } }), silent),
    ).rejects.toMatchObject({
      code: 'NO_DOCUMENTS',
      values: { files: 2, quarantined: 2, reasons: [`corpus/a.jsonl (row 0: ${reason})`] },
    });
    const some = await runIndex(
      await makeRun({ shards: { a: documents, b: bad.slice(1), c: [], d: [], e: bad.slice(1) } }),
      silent,
    );
    expect(some.corpus.withoutDocuments).toEqual({
      unusable: 2,
      empty: 2,
      first: ['b', 'e'].map((name) => ({ shard: `corpus/${name}.jsonl`, badRows: 2, row: 0, reason })),
    });
    expect(some.warnings).toEqual(
      expect.arrayContaining([
        `2 shards have no usable row: corpus/b.jsonl (row 0: ${reason}), corpus/e.jsonl (row 0: ${reason})`,
      ]),
    );
  });

  it("keeps the documents' own token counts, and measures rates by source for the others", async () => {
    const shards = { a: [...documents, { id: 'own', source: 'counted', text: 'ten bytes.', tokens: 5 }] };
    const run = await makeRun({ shards });
    const card = await runIndex(run, silent);
    expect(card.corpus).toMatchObject({ countedDocuments: 1, countedTokens: 5 });
    const own = (await readRows(run.files.sample)).filter(({ tokens }) => tokens !== null);
    expect(own).toMatchObject([{ document: 'own', tokens: 5 }]);
    const rates = await readTokenRates(run);
    // By the tokenizer, whatever the document's own count is.
    expect(rates.sources['counted']).toEqual({ documents: 1, bytes: 10, tokens: 3, tokensPerByte: 0.3 });
    expect(rates.sources['kitchen']?.tokensPerByte).toBeGreaterThan(0.15);
    expect(rates.sources['kitchen']?.tokensPerByte).toBeLessThan(0.6);
    expect(estimateTokens(rates, 'counted', 1000)).toBe(300);
    expect(estimateTokens(rates, 'constructor', 1000)).toBe(Math.round(1000 * rates.overall.tokensPerByte));
    expect(estimateTokens(rates, 'counted', 0)).toBe(1);
  });
});
