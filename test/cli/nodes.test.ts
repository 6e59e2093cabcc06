// What is made on one version of Node is the same on the others.

import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { withFolder } from '../data/collect.ts';
import { compress, decompress } from '../data/compression/zstd.ts';
import { openBagOfWords } from '../indexer/bag-of-words.ts';
import { betrPath, jsonl, makeDocuments, makeProject, run, writeSettings } from './project.ts';

/** The programs of other versions, with ":" between them, as test/nodes.sh names them. */
const others = process.env['BETR_TEST_NODES'];
const nodes = [process.execPath, ...(others?.split(':') ?? [])];
if (others === undefined)
  process.stdout.write('skipped: what other versions of Node make (npm run test:nodes compares it)\n');

/** JSON less what tells when it was made and how long that took. */
function withoutTimes(bytes: Uint8Array): string {
  return JSON.stringify(JSON.parse(Buffer.from(bytes).toString()), (key, value: unknown) =>
    /^(seconds|publishedAt|sha256)$/.test(key) ? undefined : value,
  );
}

/**
 * SHA-256 of each file of a folder by its path: of compressed files by what they hold, of the cards with
 * times in them by the rest.
 */
async function hashFiles(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const content = path.endsWith('.gz')
      ? gunzipSync(bytes)
      : path.endsWith('.zst')
        ? decompress(bytes)
        : /\/(index|ranking)\.json$/.test(path)
          ? withoutTimes(bytes)
          : bytes;
    hashes[relative(folder, path)] = createHash('sha256').update(content).digest('hex');
  }
  return hashes;
}

(nodes.length > 1 ? it : it.skip)(
  `a run and a selection are the same on ${nodes.length} versions of Node, and each verifies the others'`,
  async () => {
    const bag = await openBagOfWords();
    try {
      await withFolder(async (folder) => {
        const documents = makeDocuments(1600);
        const lines = (from: number, to: number): Buffer => Buffer.from(jsonl(documents.slice(from, to)));
        await makeProject(folder, bag.url, {
          shards: {
            'a.jsonl': lines(0, 400),
            'b.jsonl.gz': Buffer.concat([
              gzipSync(lines(400, 500)),
              gzipSync(lines(500, 800)),
              Buffer.alloc(512),
            ]),
            'c.jsonl.zst': Buffer.concat([
              Buffer.from('502a4d1803000000616263', 'hex'),
              compress(lines(800, 810)),
              compress(lines(810, 1200)),
            ]),
          },
        });
        await withDuckDb({}, async (connection) => {
          await writeFile(join(folder, 'd.jsonl'), lines(1200, 1600));
          await connection.run(
            `COPY (FROM read_json(${sqlString(join(folder, 'd.jsonl'))})) ` +
              `TO ${sqlString(join(folder, 'corpus', 'd.parquet'))} (FORMAT parquet)`,
          );
        });
        const made: Record<string, string>[] = [];
        for (const [i, node] of nodes.entries()) {
          const own = join(folder, `node-${i}`);
          await writeSettings(own, bag.url, {
            corpus: { files: ['../corpus/*'] },
            benchmarks: [
              { name: 'cooking', files: ['../cooking.jsonl'] },
              { name: 'astronomy', files: ['../astronomy.jsonl'] },
            ],
          });
          for (const args of [
            ['run'],
            ['select', '--keep', '30%', '--out', 'selection', '--format', 'documents'],
          ]) {
            expect(await run(node, [betrPath, ...args], own)).toMatchObject({ code: 0 });
          }
          made.push(await hashFiles(own));
        }
        const [first = {}, ...rest] = made;
        expect(Object.keys(first).length).toBeGreaterThan(20);
        for (const other of rest) expect(other).toEqual(first);
        for (const [i] of nodes.entries()) {
          const next = nodes[(i + 1) % nodes.length] ?? '';
          expect(await run(next, [betrPath, 'verify', '--corpus'], join(folder, `node-${i}`))).toMatchObject({
            code: 0,
          });
        }
      });
    } finally {
      await bag.close();
    }
  },
  300_000,
);
