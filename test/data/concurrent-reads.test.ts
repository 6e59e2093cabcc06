import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { openRandom } from '../../data/seeded-random.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { readPieces } from '../../data/files/files.ts';
import { readShard } from '../../data/read.ts';
import { formatOf } from '../../data/shards.ts';
import { everything } from '../long.ts';
import { collectQuarantined, defaultFields, listDocuments, withFolder } from './collect.ts';
import { compress } from './compression/zstd.ts';

interface Written {
  path: string;
  /** The texts that went into it. */
  texts: string[];
}

/** Files of a few megabytes, so that each is read in several pieces and batches, with other texts in each. */
async function writeShards(folder: string): Promise<Written[]> {
  const random = openRandom(7);
  const words = (count: number): string =>
    Array.from({ length: count }, () => Math.floor(random() * 1e6).toString(36)).join(' ');
  const textsOf = (name: string): string[] =>
    Array.from({ length: 3000 }, (_, i) => `${name} ${i} ${words(40 + Math.floor(random() * 160))}`);
  const linesOf = (texts: readonly string[]): string =>
    texts.map((text) => `${JSON.stringify({ text })}\n`).join('');
  const path = (name: string): string => join(folder, name);
  const shards: Written[] = [];
  for (const name of [
    'a.jsonl',
    'b.jsonl',
    'c.jsonl.gz',
    'd.jsonl.gz',
    'e.jsonl.zst',
    'f.jsonl.zst',
    'g.parquet',
    'h.parquet',
  ]) {
    const texts = textsOf(name);
    const lines = Buffer.from(linesOf(texts));
    shards.push({ path: path(name), texts });
    if (name.endsWith('.gz')) await writeFile(path(name), gzipSync(lines));
    else if (name.endsWith('.zst')) await writeFile(path(name), compress(lines));
    else if (name.endsWith('.jsonl')) await writeFile(path(name), lines);
    else {
      await writeFile(path(`${name}.jsonl`), lines);
      await withDuckDb({}, (connection) =>
        connection.run(
          `COPY (SELECT text FROM read_json(${sqlString(path(`${name}.jsonl`))}, format = ` +
            `'newline_delimited')) TO ${sqlString(path(name))} (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
        ),
      );
    }
  }
  return shards;
}

/** Reads a file by batches; `texts` is filled as they come. */
function openReader(path: string): {
  texts: string[];
  step: () => Promise<boolean>;
  end: () => Promise<unknown>;
} {
  const batches = readShard(
    { name: path, path, format: formatOf(path), bytes: 0, modifiedMs: 0 },
    defaultFields,
    { quarantine: collectQuarantined() },
  );
  const texts: string[] = [];
  return {
    texts,
    async step() {
      const next = await batches.next();
      if (next.done !== true) texts.push(...listDocuments(next.value).map(({ text }) => text));
      return next.done !== true;
    },
    end: () => batches.return(0),
  };
}

describe('reading several files at once', () => {
  it('yields the right texts in any interleaving, even if some reads are abandoned', async () => {
    await withFolder(async (folder) => {
      const shards = await writeShards(folder);
      const random = openRandom(11);
      for (let round = 0; round < (everything ? 6 : 1); round++) {
        const readers = shards.map(({ path, texts }) => ({ ...openReader(path), all: texts }));
        let open = readers;
        while (open.length > 0) {
          // Two of them by the same turn of the event loop, too.
          const turns = new Set([
            open[Math.floor(random() * open.length)],
            open[Math.floor(random() * open.length)],
          ]);
          for (const [reader, went] of await Promise.all(
            [...turns].map(async (one) => [one, (await one?.step()) === true] as const),
          )) {
            const left = random() < 0.05;
            if (left) await reader?.end();
            if (!went) expect(reader?.texts).toEqual(reader?.all);
            else expect(reader?.texts).toEqual(reader?.all.slice(0, reader.texts.length));
            if (left || !went) open = open.filter((one) => one !== reader);
          }
        }
      }
    });
  });

  it('reuses memory for consecutive files, and separates that of concurrent ones', async () => {
    await withFolder(async (folder) => {
      const [one, other] = [join(folder, 'one'), join(folder, 'other')];
      await writeFile(one, Buffer.alloc(2_500_000, 'a'));
      await writeFile(other, Buffer.alloc(2_500_000, 'b'));
      const memories = new Set<ArrayBufferLike>();
      for (let turn = 0; turn < 3; turn++)
        for await (const { buffer } of readPieces(one)) memories.add(buffer);
      expect(memories.size).toBe(1);
      const others = readPieces(other);
      for await (const piece of readPieces(one)) {
        await others.next();
        expect(Buffer.from(piece).equals(Buffer.alloc(piece.length, 'a'))).toBe(true);
      }
      await others.return(undefined);
    });
  });
});
