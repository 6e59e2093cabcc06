import { describe, expect } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { openRandom } from '../../data/seeded-random.ts';
import { silent } from '../../run/progress.ts';
import { findLeaks } from '../../leaks/leaks.ts';
import { longTest } from '../long.ts';
import { lines, makeRun, readTable } from './leak-run.ts';

const shared = resolve(process.env['BETR_SHARED'] ?? '../shared', 'data');

if (!existsSync(shared)) console.log(`${shared} is absent: leaks are not planted among real documents.`);

(existsSync(shared) ? describe : describe.skip)('on real documents', () => {
  longTest(
    'finds exactly the planted items',
    async () => {
      const random = openRandom(11);
      const pick = (count: number): number => Math.floor(random() * count);
      const rowSchema = z.object({ id: z.string(), text: z.string() });
      const itemSchema = z.object({ id: z.string(), benchmark: z.string(), text: z.string() });
      const names = (await readdir(join(shared, 'benchmarks'))).sort();
      const items = names.flatMap((name) =>
        readFileSync(join(shared, 'benchmarks', name, 'test.jsonl'), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => itemSchema.parse(JSON.parse(line))),
      );
      const wordCount = (text: string): number => text.toLowerCase().match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
      const checkable = items.filter(({ text }) => wordCount(text) >= 8);
      const documents = (await readdir(join(shared, 'pool')))
        .filter((file) => file.endsWith('.jsonl.gz'))
        .sort()
        .slice(0, 2)
        .flatMap((file) =>
          gunzipSync(readFileSync(join(shared, 'pool', file)))
            .toString()
            .trimEnd()
            .split('\n')
            .map((line) => rowSchema.parse(JSON.parse(line))),
        );
      const planted = new Map<string, string>();
      for (let i = 0; i < 200; i++) {
        const item = checkable[pick(checkable.length)];
        const document = documents[pick(documents.length)];
        if (item === undefined || document === undefined || planted.has(document.id)) continue;
        // Between two words, so no word is created or broken.
        const at = document.text.indexOf(' ', pick(document.text.length)) + 1;
        const planting = item.text.toUpperCase().toLowerCase();
        document.text = `${document.text.slice(0, at)} ${planting} ${document.text.slice(at)}`;
        planted.set(document.id, item.id);
      }
      const run = await makeRun(
        'pool',
        { 'corpus.jsonl.gz': gzipSync(lines(documents), { level: 1 }) },
        items,
      );
      const result = await findLeaks(run, { tests: ['test.jsonl'] }, silent);
      const table = await readTable(run);
      const foundIn = new Set(table.map(({ document }) => document));
      expect([...planted.keys()].filter((document) => !foundIn.has(document))).toEqual([]);
      expect([...foundIn].filter((document) => !planted.has(document))).toEqual([]);
      for (const [document, item] of planted)
        expect(table.some((row) => row.document === document && row.item === item)).toBe(true);
      console.log(
        `${documents.length} documents, ${items.length} test items (${items.length - checkable.length} ` +
          `too short): ${planted.size} planted, ${foundIn.size} found`,
      );
      expect(result.benchmarks.reduce((sum, { unchecked }) => sum + unchecked, 0)).toBe(
        items.length - checkable.length,
      );
    },
    600_000,
  );
});
