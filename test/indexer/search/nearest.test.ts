import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { searchExact } from '../../../indexer/search/exact.ts';
import { buildHnsw, openHnsw } from '../../../indexer/search/hnsw.ts';
import { chooseSearch, listLength, measureRecall, searchHnsw } from '../../../indexer/search/nearest.ts';
import { sha256File } from '../../../data/files/hash-files.ts';

const dimensions = 16;

/** Unit vectors from a small seeded generator. */
function unitRows(count: number, seed: number): Float32Array {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const rows = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row++) {
    const values = Array.from({ length: dimensions }, next);
    const length = Math.hypot(...values);
    for (const [d, value] of values.entries()) rows[row * dimensions + d] = value / length;
  }
  return rows;
}

describe('the HNSW index', () => {
  const documents = unitRows(1500, 1);
  const examples = unitRows(60, 2);
  let folder: string;
  let path: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'betr-hnsw-'));
    path = join(folder, 'index.hnsw');
    await buildHnsw(path, documents, dimensions, 1, () => undefined);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('has the same bytes when it is built again', async () => {
    await buildHnsw(join(folder, 'again.hnsw'), documents, dimensions, 1, () => undefined);
    expect(await sha256File(join(folder, 'again.hnsw'))).toBe(await sha256File(path));
  });

  it('finds what the exact search finds, in its order and with its cosines', async () => {
    const index = await openHnsw(path, dimensions, await sha256File(path));
    expect(index.size).toBe(1500);
    const exact = await searchExact(examples, documents, dimensions, 20);
    const found = await searchHnsw(index, examples, documents, 20, 1500, { threads: 2 });
    expect(found.documents).toEqual(exact.documents);
    for (const [at, cosine] of exact.cosines.entries()) expect(found.cosines[at]).toBeCloseTo(cosine, 5);
  });

  it('measures the same recall with and without the exact lists', async () => {
    const index = await openHnsw(path, dimensions, await sha256File(path));
    const lists = await searchExact(examples, documents, dimensions, 20);
    const recall = await measureRecall(index, examples, documents, 20, lists, 2);
    expect(recall.recall).toBeGreaterThanOrEqual(0.99);
    expect(recall).toEqual(await measureRecall(index, examples, documents, 20, undefined, 1));
    expect(recall).toMatchObject({ nearest: 20, examples: 48 });
  });

  it('answers a single query', async () => {
    const index = await openHnsw(path, dimensions, await sha256File(path));
    const found = await index.search(documents.subarray(7 * dimensions, 8 * dimensions), 3, 64);
    expect(found.documents[0]).toBe(7);
    expect(found.cosines[0]).toBeCloseTo(1, 2);
  });

  it('refuses a damaged or missing file, and names the command that makes it again', async () => {
    const cut = join(folder, 'cut.hnsw');
    await writeFile(cut, (await readFile(path)).subarray(0, 5000));
    const sha256 = await sha256File(path);
    await expect(openHnsw(cut, dimensions, sha256)).rejects.toMatchObject({
      code: 'FILE_DAMAGED',
      values: { path: cut, command: 'betr index' },
    });
    await expect(openHnsw(join(folder, 'none.hnsw'), dimensions, sha256)).rejects.toMatchObject({
      code: 'FILE_DAMAGED',
    });
  });
});

describe('the choice of search, and the length of the lists', () => {
  it('is exact at the scale of the paper and below, and HNSW for many more examples', () => {
    expect(chooseSearch(14_000, 10_000_000, 1000, 'auto').method).toBe('exact');
    expect(chooseSearch(1200, 12_000, 1000, 'auto').method).toBe('exact');
    expect(chooseSearch(100_000, 10_000_000, 1000, 'auto').method).toBe('hnsw');
  });

  it('follows the settings', () => {
    expect(chooseSearch(10, 10, 10, 'hnsw')).toEqual({
      method: 'hnsw',
      why: 'search.method in the settings',
    });
  });

  it('is long enough for the top 30% jointly and the top 10% of the smallest benchmark', () => {
    expect(listLength(10_000_000, 14_000, 1400, 1000)).toBe(3763); // 5 × 0.10536 × 1e7 / 1400
    expect(listLength(10_000_000, 14_000, 0, 1000)).toBe(1274); // 5 × 0.35667 × 1e7 / 14,000
    expect(listLength(12_000, 1200, 200, 1000)).toBe(1000);
    expect(listLength(500, 1200, 200, 1000)).toBe(500);
    expect(listLength(10_000_000, 14_000, 1, 1000)).toBe(4793); // 2^26 / 14,000
  });
});
