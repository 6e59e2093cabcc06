import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { appendToManifest, readManifest } from '../../../data/files/manifest.ts';
import { withFolder } from '../collect.ts';

const schema = z.strictObject({ file: z.string(), documents: z.number() });
const values = [
  { file: 'a', documents: 1 },
  { file: 'bö\nb', documents: 2 },
  { file: 'c', documents: 3 },
];

async function withManifest(use: (path: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, 'manifest.jsonl');
    for (const value of values) await appendToManifest(path, value);
    await use(path);
  });
}

describe('a manifest', () => {
  it('reads the added entries, and none if there is no file', async () => {
    await withManifest(async (path) => {
      expect(await readManifest(path, schema)).toEqual({
        values,
        lines: [1, 2, 3],
        damaged: [],
        torn: false,
        end: (await stat(path)).size,
      });
      expect(await readManifest(`${path}.none`, schema)).toEqual({
        values: [],
        lines: [],
        damaged: [],
        torn: false,
        end: 0,
      });
    });
  });

  it('skips and reports a truncated last line', async () => {
    await withManifest(async (path) => {
      const whole = await readFile(path);
      const lastLine = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
      for (let length = lastLine; length < whole.length; length++) {
        await writeFile(path, whole.subarray(0, length));
        expect(await readManifest(path, schema)).toEqual({
          values: values.slice(0, 2),
          lines: [1, 2],
          damaged: [],
          torn: length > lastLine,
          end: lastLine,
        });
      }
    });
  });

  it('is read incrementally, even after an incomplete line', async () => {
    await withManifest(async (path) => {
      const whole = await readFile(path);
      for (let length = 0; length <= whole.length; length++) {
        await writeFile(path, whole.subarray(0, length));
        const first = await readManifest(path, schema);
        await writeFile(path, whole);
        const then = await readManifest(path, schema, first.end);
        expect([...first.values, ...then.values]).toEqual(values);
        expect(then).toMatchObject({ damaged: [], torn: false, end: whole.length });
      }
    });
  });

  it('reveals a change of any byte', async () => {
    await withManifest(async (path) => {
      const whole = await readFile(path);
      for (let at = 0; at < whole.length; at++) {
        for (const flip of [0x01, 0x20, 0x80]) {
          const changed = Buffer.from(whole);
          changed[at] = (changed[at] ?? 0) ^ flip;
          await writeFile(path, changed);
          const read = await readManifest(path, schema);
          expect(read.damaged.length > 0 || read.torn).toBe(true);
          for (const value of read.values) expect(values).toContainEqual(value);
        }
      }
    });
  });

  it('reports a line that is not an entry and reads the others', async () => {
    await withManifest(async (path) => {
      await appendFile(path, 'line of somebody else\n');
      await appendToManifest(path, { file: 'd', documents: 4 });
      expect(await readManifest(path, schema)).toEqual({
        values: [...values, { file: 'd', documents: 4 }],
        lines: [1, 2, 3, 5],
        damaged: [{ line: 4, reason: 'does not match its checksum' }],
        torn: false,
        end: (await stat(path)).size,
      });
      const { values: none, damaged } = await readManifest(path, schema.extend({ more: z.string() }));
      expect(none).toEqual([]);
      expect(damaged[0]).toEqual({
        line: 1,
        reason: expect.stringMatching(
          /^cannot be used: another version of betr wrote it \(more is missing; it must be a string\)$/,
        ),
      });
    });
  });
});
