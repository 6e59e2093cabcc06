// Every shape of row that files of preference pairs have: rows as they are published, and the pairs they give. A new
// shape takes a few lines in test/pairs/rows/.

import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { readRow } from '../../pairs/reading/read-row.ts';
import { combineRules, pairsSchema } from '../../run/pair-settings.ts';
import { structureIn } from '../../run/fields/field-value.ts';
import { productFolder } from '../../run/product-folder.ts';

const folder = join(productFolder(), 'test', 'pairs', 'rows');
const golden = z.array(
  z.strictObject({
    row: z.record(z.string(), z.unknown()),
    combine: z.enum(combineRules).default('best-worst'),
    shape: z.string().optional(),
    pairs: z
      .array(
        z.strictObject({
          prompt: z.unknown(),
          chosen: z.unknown(),
          rejected: z.unknown(),
          tools: z.unknown().default(null),
          scores: z.array(z.number().nullable()).default([null, null]),
        }),
      )
      .optional(),
    reason: z.string().optional(),
  }),
);

describe.each(readdirSync(folder))('rows/%s', (file) => {
  const rows = golden.parse(parse(readFileSync(join(folder, file), 'utf8')));

  it.each(rows)('row %#', ({ row, combine, ...expected }) => {
    const settings = pairsSchema.parse({ name: 'golden', files: ['x.jsonl'], combine });
    const read = readRow(row, settings);
    if ('reason' in read) {
      expect(read).toEqual({ reason: expected.reason });
      return;
    }
    const pairs = read.pairs.map(({ form, prompt, chosen, rejected, tools, scoreChosen, scoreRejected }) => {
      const side = (text: string): unknown => (form === 'text' ? text : JSON.parse(text));
      return {
        prompt: side(prompt),
        chosen: side(chosen),
        rejected: side(rejected),
        tools: tools === null ? null : structureIn(tools),
        scores: [scoreChosen, scoreRejected],
      };
    });
    expect({ shape: read.shape, pairs }).toEqual({ shape: expected.shape, pairs: expected.pairs });
  });
});
