// `betr index` with an endpoint that truncates some texts and refuses others.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';
import { runIndex } from '../../indexer/index.ts';
import { kinds } from '../models/endpoint/embedding-kinds.ts';
import { openEmbeddingServer } from '../models/endpoint/embedding-servers.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-refused-'));
});
afterAll(() => rm(root, { recursive: true }));

interface Row {
  id: string;
  text: string;
}

const documents: Row[] = Array.from({ length: 60 }, (_, i) => ({
  id: `d${i}`,
  text: `a document about ${['bread', 'stars', 'rivers'][i % 3] ?? ''} and number ${i}`,
}));
const examples: Row[] = Array.from({ length: 12 }, (_, i) => ({
  id: `e${i}`,
  text: `what is known of ${['bread', 'stars', 'rivers'][i % 3] ?? ''}, question ${i}`,
}));

function lines(rows: readonly Row[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

let number = 0;

/** A run in a temporary folder, with a corpus of one shard and one benchmark. */
async function makeRun(
  url: string,
  corpus: readonly Row[],
  { benchmark = examples, embedding = {}, nearest = 60 } = {},
): Promise<Run> {
  const folder = join(root, `run${number++}`);
  await mkdir(join(folder, 'corpus'), { recursive: true });
  await writeFile(join(folder, 'corpus', 'a.jsonl'), lines(corpus));
  await writeFile(join(folder, 'cooking.jsonl'), lines(benchmark));
  await writeFile(
    join(folder, 'betr.yaml'),
    JSON.stringify({
      corpus: { files: ['corpus/*.jsonl'] },
      benchmarks: [{ name: 'cooking', files: ['cooking.jsonl'] }],
      embedding: { model: url, endpointModel: 'm', ...embedding },
      search: { nearest },
    }),
  );
  return openRun(join(folder, 'betr.yaml'));
}

/** Writes other settings for a run and opens the run again. */
async function change(run: Run, from: string, to: string): Promise<Run> {
  await writeFile(run.settingsPath, (await readFile(run.settingsPath, 'utf8')).replace(from, to));
  return openRun(run.settingsPath);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function readScores({ files }: Run): Promise<unknown> {
  return withDuckDb({}, async (connection) =>
    z
      .array(z.unknown())
      .parse(
        (
          await connection.runAndReadAll(`SELECT * FROM ${parquetSource(files.targets)} ORDER BY document`)
        ).getRowsJS(),
      ),
  );
}

describe('an endpoint that does not accept every text', () => {
  const long = Array.from({ length: 4 }, (_, i) => ({ id: `long-${i}`, text: `${'漢字'.repeat(400)} ${i}` }));

  it('gets long texts truncated, which the card counts, also after a stop', async () => {
    const server = await openEmbeddingServer(kinds.TEI);
    const run = await makeRun(server.url, [...documents, ...long], { embedding: { textsPerRequest: 8 } });
    const card = await runIndex(run, silent);
    expect(card.embedding).toMatchObject({
      embedded: 76,
      reused: 0,
      refused: 0,
      cut: { texts: 4, characters: 4 * 802 },
    });
    expect(card.embedding.cut.kept / 4).toBeGreaterThan(470);
    expect(card.embedding.cut.kept / 4).toBeLessThan(510);
    expect(card.warnings).toContainEqual(
      expect.stringMatching(
        new RegExp(
          '^The embedder accepts shorter texts than embedding\\.maxTokens allows: ' +
            '4 of 76 were truncated and lost (39|40)% of their characters\\.',
        ),
      ),
    );
    const asked = server.asked.length;
    // As after a stop: only the vectors exist.
    await rm(run.files.indexCard);
    await rm(run.files.targets);
    const again = await runIndex(run, silent);
    expect(again.embedding).toMatchObject({ embedded: 0, reused: 76, cut: card.embedding.cut });
    expect(again.outputs).toEqual(card.outputs);
    expect(server.asked.length).toBe(asked + 1);
    // The request rate changes nothing.
    expect(
      (
        await runIndex(
          await change(run, '"textsPerRequest":8', '"textsPerRequest":3,"requestsAtOnce":1'),
          silent,
        )
      ).fresh,
    ).toBe(true);
    await server.close();
  });

  it('costs a refused document its score, and nothing else', async () => {
    const server = await openEmbeddingServer(kinds.Ollama);
    const run = await makeRun(server.url, [
      ...documents.slice(0, 20),
      { id: 'bad', text: 'not a number' },
      ...documents.slice(20),
    ]);
    const card = await runIndex(run, silent);
    expect(card).toMatchObject({ sample: { documents: 61 }, embedding: { embedded: 72, refused: 1 } });
    expect(card.warnings).toContainEqual(
      'The embedder refused 1 sampled document, which has no score (quarantine/index-embedding.jsonl); ' +
        'the first is "bad": HTTP 500 failed to encode response: json: unsupported value: NaN',
    );
    expect(JSON.parse(await readFile(join(run.files.quarantine, 'index-embedding.jsonl'), 'utf8'))).toEqual({
      file: 'corpus/a.jsonl',
      position: 20,
      reason: 'the embedder refused it: HTTP 500 failed to encode response: json: unsupported value: NaN',
      detail: 'bad',
    });
    const without = await makeRun(server.url, documents);
    await runIndex(without, silent);
    expect(await readScores(run)).toEqual(await readScores(without));
    // Nothing in another sample is refused, so the old list is removed.
    await writeFile(join(run.settingsFolder, 'corpus', 'a.jsonl'), lines(documents));
    expect((await runIndex(run, silent)).embedding.refused).toBe(0);
    expect(await exists(join(run.files.quarantine, 'index-embedding.jsonl'))).toBe(false);
    await server.close();
  });

  it('leads to a new index once it accepts the refused documents', async () => {
    let takes = false;
    const server = await openEmbeddingServer({
      refuse: (asked) => (takes ? undefined : kinds.Ollama.refuse(asked)),
    });
    const corpus = [{ id: 'bad', text: 'not a number' }, ...documents];
    const run = await makeRun(server.url, corpus);
    expect((await runIndex(run, silent)).embedding.refused).toBe(1);
    takes = true;
    const card = await runIndex(await change(run, '"nearest":60', '"nearest":50'), silent);
    // With "bad" in it, the look-up index differs.
    expect(card.outputs.index).toBe(
      (await runIndex(await makeRun(server.url, corpus, { nearest: 50 }), silent)).outputs.index,
    );
    await server.close();
  });

  it('fails for an example, which is named, and if it refuses much of the sample', async () => {
    const server = await openEmbeddingServer(kinds.Ollama);
    const example = await makeRun(server.url, documents, {
      benchmark: [...examples, { id: 'c-bad', text: 'What is not a number?' }],
    });
    await expect(runIndex(example, silent)).rejects.toMatchObject({
      code: 'EXAMPLE_REFUSED',
      values: { benchmark: 'cooking', example: 'c-bad' },
      message: expect.stringContaining('unsupported value: NaN'),
    });
    const much = await makeRun(server.url, [
      ...documents,
      ...Array.from({ length: 5 }, (_, i) => ({ id: `bad-${i}`, text: `not a number ${i}` })),
    ]);
    await expect(runIndex(much, silent)).rejects.toMatchObject({
      code: 'SAMPLE_REFUSED',
      message: expect.stringMatching(/rejected 2 of the 65 sampled documents, such as "bad-\d"/),
    });
    await server.close();
  });
});
