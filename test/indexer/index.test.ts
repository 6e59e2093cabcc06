import { describe, expect, it } from '@jest/globals';
import { appendFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { silent } from '../../run/progress.ts';
import { runIndex } from '../../indexer/index.ts';
import { space, words, lines, exists, bag, makeRun, readRows } from './runs.ts';

describe('betr index', () => {
  it('scores every sampled document and names the example it is for', async () => {
    const run = await makeRun();
    const card = await runIndex(run, silent);
    expect(card).toMatchObject({
      fresh: false,
      corpus: { shards: 2, documents: 60, countedDocuments: 0, quarantined: 0 },
      sample: { documents: 60, duplicateKeys: 0, duplicateTexts: 0 },
      examples: [
        { benchmark: 'cooking', examples: 6, found: 6, duplicates: 0, quarantined: 0 },
        { benchmark: 'astronomy', examples: 6, found: 9, duplicates: 0, quarantined: 0 },
      ],
      embedding: { dimensions: 32, embedded: 72, reused: 0 },
      search: {
        method: 'exact',
        approximate: false,
        nearest: 60,
        hnsw: { recall: 1, nearest: 60, examples: 12 },
      },
      ranks: { documentsPerExample: 5, listed: 60 },
    });
    expect(card.warnings).toEqual([expect.stringContaining('only 5.0 sampled documents per example')]);
    const targets = await readRows(run.files.targets);
    expect(Object.keys(targets[0] ?? {})).toEqual([
      'document',
      'score',
      'best_rank',
      'benchmark',
      'example',
      'cosine',
      'score_cooking',
      'score_astronomy',
    ]);
    expect(targets.map(({ document }) => document)).toEqual(
      (await readRows(run.files.sample)).map(({ document }) => document),
    );
    expect(
      targets
        .map(({ score }) => Number(score))
        .sort((a, b) => b - a)
        .map((score) => Math.round((1 - score) * 60)),
    ).toEqual([...targets.keys()]);
    const won = targets.filter(
      ({ document, benchmark }) => String(document).startsWith('kitchen') === (benchmark === 'cooking'),
    );
    expect(won.length).toBeGreaterThan(54);
    const top = [...targets]
      .sort((a, b) => Number(b['score_astronomy']) - Number(a['score_astronomy']))
      .slice(0, 20);
    expect(top.filter(({ document }) => String(document).startsWith('space')).length).toBeGreaterThan(18);
  });

  it('does nothing if nothing changed, and otherwise only what changed', async () => {
    const run = await makeRun();
    const first = await runIndex(run, silent);
    const asked = bag.texts.length;
    expect(await runIndex(run, silent)).toEqual({ ...first, fresh: true });
    expect(bag.texts.length).toBe(asked);

    await appendFile(
      join(run.settingsFolder, 'corpus', 'b.jsonl'),
      lines([{ id: 'new', source: 'space', text: 'a wholly new comet' }]),
    );
    const second = await runIndex(run, silent);
    expect(second).toMatchObject({
      fresh: false,
      sample: { documents: 61 },
      embedding: { embedded: 1, reused: 72 },
    });
    expect(second.inputs.examples).toBe(first.inputs.examples);
    expect(second.outputs.targets).not.toBe(first.outputs.targets);
    expect(second.outputs.examples).toBe(first.outputs.examples);
  });

  it('gives the same bytes again, in another folder', async () => {
    const [one, two] = [await makeRun(), await makeRun()];
    const first = await runIndex(one, silent);
    const second = await runIndex(two, silent);
    expect(await readRows(two.files.targets)).toEqual(await readRows(one.files.targets));
    expect(second.outputs.index).toBe(first.outputs.index);
    expect(second.outputs.examples).toBe(first.outputs.examples);
  });

  it('continues after a stop', async () => {
    const run = await makeRun();
    // Enough for the twelve examples, but not for the documents.
    bag.failAfter = 30;
    await expect(runIndex(run, silent)).rejects.toThrow();
    expect(await exists(run.files.indexCard)).toBe(false);
    expect(await exists(run.files.targets)).toBe(false);
    bag.failAfter = Infinity;
    expect((await runIndex(run, silent)).embedding).toMatchObject({ embedded: 60, reused: 12 });
    expect(
      (await readdir(run.folder)).filter((name) => name.includes('spill') || name.endsWith('.tmp')),
    ).toEqual([]);
  });

  it('keeps the old index until the new one is complete', async () => {
    const run = await makeRun();
    await runIndex(run, silent);
    const outputs = [
      run.files.indexCard,
      run.files.sample,
      run.files.examples,
      run.files.tokens,
      run.files.index,
      run.files.targets,
    ];
    const readAll = (): Promise<string[]> => Promise.all(outputs.map((path) => readFile(path, 'base64')));
    const before = await readAll();
    await appendFile(
      join(run.settingsFolder, 'corpus', 'a.jsonl'),
      lines(
        Array.from({ length: 40 }, (_, i) => ({
          id: `more-${i}`,
          source: 'space',
          text: `${words(space, i)} more ${i}`,
        })),
      ),
    );
    bag.texts = [];
    bag.failAfter = 10;
    await expect(runIndex(run, silent)).rejects.toThrow();
    expect(await readAll()).toEqual(before);
    bag.failAfter = Infinity;
    expect(await runIndex(run, silent)).toMatchObject({ fresh: false, corpus: { documents: 100 } });
    expect((await runIndex(run, silent)).fresh).toBe(true);
    expect(await readdir(run.folder)).not.toContain('index-next');
  });

  it('makes a damaged file again', async () => {
    const run = await makeRun();
    const first = await runIndex(run, silent);
    for (const path of [
      run.files.index,
      run.files.sample,
      run.files.targets,
      run.files.tokens,
      run.files.indexCard,
    ]) {
      await writeFile(path, (await readFile(path)).subarray(0, 100));
      const again = await runIndex(run, silent);
      expect(again.fresh).toBe(false);
      expect(again.outputs).toEqual(first.outputs);
    }
  });

  it('searches by HNSW if the settings say so, and reports it', async () => {
    const run = await makeRun({ settings: { search: { method: 'hnsw', nearest: 10 } } });
    const card = await runIndex(run, silent);
    expect(card.search).toMatchObject({
      method: 'hnsw',
      approximate: true,
      why: 'search.method in the settings',
    });
    expect(card.warnings).toContainEqual(expect.stringContaining('approximate'));
    const exact = await makeRun({ settings: { search: { method: 'exact', nearest: 10 } } });
    await runIndex(exact, silent);
    expect(await readRows(run.files.targets, 'document, score, best_rank')).toEqual(
      await readRows(exact.files.targets, 'document, score, best_rank'),
    );
  });
});

describe('with the default model', () => {
  const model = resolve(
    process.env['BETR_SHARED'] ?? join(dirname(process.cwd()), 'shared'),
    'models',
    'Xenova',
    'all-MiniLM-L6-v2',
  );
  it('ranks cooking texts near cooking questions', async () => {
    if (!(await exists(model))) {
      process.stdout.write(`skipped: no model at ${model}\n`);
      return;
    }
    const run = await makeRun({ settings: { embedding: { model, device: 'cpu', dtype: 'q8' } } });
    const card = await runIndex(run, silent);
    expect(card.embedding.dimensions).toBe(384);
    const top = (await readRows(run.files.targets))
      .sort((a, b) => Number(b['score_cooking']) - Number(a['score_cooking']))
      .slice(0, 10);
    expect(top.map(({ document }) => String(document).replace(/-.*/, ''))).toEqual(top.map(() => 'kitchen'));
    await rename(run.files.vectors, `${run.files.vectors}-moved`);
    expect((await runIndex(run, silent)).fresh).toBe(true);
  });
});
