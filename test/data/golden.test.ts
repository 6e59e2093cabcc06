// The readers on the files in test/data/golden. A new case is two files: an input, and beside it
// INPUT.expected.json with what the reader returns or the error it throws.

import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { readRows } from '../../data/rows/rows.ts';
import { productFolder } from '../../run/product-folder.ts';
import { collectQuarantined, readAll } from './collect.ts';

const golden = join(productFolder(), 'test', 'data', 'golden');
const ending = '.expected.json';
const expectedSchema = z.union([
  z.strictObject({ error: z.strictObject({ code: z.string(), message: z.string().min(1) }) }),
  z.strictObject({ documents: z.array(z.unknown()), quarantined: z.array(z.unknown()) }),
  z.strictObject({ rows: z.array(z.unknown()), quarantined: z.array(z.unknown()) }),
]);

async function readDocumentsOf(path: string): Promise<object> {
  const { documents, quarantined } = await readAll(path, { name: 'golden' });
  return { documents, quarantined };
}

async function readRowsOf(path: string): Promise<object> {
  const quarantine = collectQuarantined();
  const rows: [number, object][] = [];
  for await (const { position, row } of readRows(path, quarantine)) rows.push([position, row]);
  return { rows, quarantined: quarantine.rows };
}

describe.each([
  ['documents', readDocumentsOf],
  ['rows', readRowsOf],
] as const)('the reader of %s', (folder, read) => {
  const files = readdirSync(join(golden, folder));
  const inputs = files.filter((file) => !file.endsWith(ending));

  it('has an expected result for every input', () => {
    expect(files.filter((file) => file.endsWith(ending)).sort()).toEqual(
      inputs.map((input) => input + ending).sort(),
    );
  });

  it.each(inputs)('reads %s as expected', async (input) => {
    const path = join(golden, folder, input);
    const expected = expectedSchema.parse(JSON.parse(await readFile(path + ending, 'utf8')));
    if ('error' in expected)
      await expect(read(path)).rejects.toMatchObject({
        code: expected.error.code,
        message: expect.stringContaining(expected.error.message),
      });
    else expect(await read(path)).toEqual(expected);
  });
});
