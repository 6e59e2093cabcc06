import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { checkFields } from '../../../data/rows/check-fields.ts';
import type { Progress } from '../../../run/progress.ts';
import { listShards } from '../../../data/shards.ts';
import { sortByNearness } from '../../../data/rows/nearest-names.ts';
import { defaultFields, withFolder } from '../collect.ts';

const plain = {
  id: 'x',
  text: 'a text',
  url: 'u',
  metadata: { language: 'en', 'time.zone': null, quality: { score: 1 } },
};

/**
 * Checks a corpus of these files (rows, or lines as they are). Returns the reported stages.
 */
async function check(
  files: Readonly<Record<string, readonly unknown[]>>,
  fields: Partial<typeof defaultFields>,
): Promise<string[]> {
  return withFolder(async (folder) => {
    await mkdir(join(folder, 'corpus'));
    for (const [name, rows] of Object.entries(files)) {
      const content = rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join('');
      await writeFile(join(folder, 'corpus', name), name.endsWith('.gz') ? gzipSync(content) : content);
    }
    const stages = new Set<string>();
    await checkFields(
      await listShards(['corpus/*'], folder),
      { ...defaultFields, ...fields },
      ({ stage }: Progress) => void stages.add(stage),
    );
    return [...stages];
  });
}

describe('the check of the fields in the settings', () => {
  it.each([
    ['language', 'source', ['metadata.language']],
    ['metadata.langauge', 'source', ['metadata.language', 'metadata.time.zone']],
    ['metdata.language', 'source', ['metadata.language']],
    ['URL', 'id', ['url']],
    ['metadata.quality.scores', 'tokens', ['metadata.quality.score']],
    ['txt', 'text', ['text']],
  ])('names the existing fields instead of %s, the most similar first', async (wrong, field, first) => {
    const error: unknown = await check({ 'a.jsonl': [plain] }, { [field]: wrong }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: 'FIELD_MISSING',
      values: { field: wrong, setting: `corpus.fields.${field}`, more: 0 },
    });
    expect(error).toMatchObject({
      values: {
        found: expect.arrayContaining([
          'id',
          'text',
          'url',
          'metadata.language',
          'metadata.time.zone',
          'metadata.quality.score',
        ]),
      },
    });
    expect(error).toHaveProperty('values.found[0]', first[0]);
  });

  it('accepts a field that occurs in any row, even as null', async () => {
    const without = Array.from({ length: 3000 }, () => ({ text: 'a text '.repeat(300) }));
    expect(await check({ 'a.jsonl': [plain] }, { source: 'metadata.language' })).toEqual([]);
    expect(await check({ 'a.jsonl': [plain] }, { tokens: 'metadata.time.zone' })).toEqual([]);
    expect(
      await check({ 'a.jsonl': ['{"text": "twice", "text": "twice", "kind": 1}'] }, { source: 'kind' }),
    ).toEqual([]);
    expect(await check({ 'a.jsonl': ['{"text": 5, "kind": 1}'] }, { source: 'kind' })).toEqual([]);
    // Further on than the first look goes.
    const late = await check(
      { 'a.jsonl': without, 'b.jsonl.gz': [...without, { ...plain, kind: 'x' }] },
      { source: 'kind' },
    );
    expect(late).toEqual(['look for the field "kind"']);
  });

  it('ignores a corpus without rows, default names, and unreadable shards', async () => {
    expect(await check({ 'a.jsonl': [], 'b.jsonl': ['', '5', 'no JSON'] }, { source: 'kind' })).not.toContain(
      'x',
    );
    expect(await check({ 'a.jsonl': [{ text: 'no source' }] }, {})).toEqual([]);
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'a.jsonl.gz'), 'no gzip');
      await writeFile(join(folder, 'b.jsonl'), '{"text": "x", "kind": 1}\n');
      await expect(
        checkFields(await listShards(['*'], folder), { ...defaultFields, source: 'kind' }, () => undefined),
      ).resolves.toBeUndefined();
    });
  });

  it('shows some of many names', async () => {
    const row = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`field_${i}`, i]));
    await expect(check({ 'a.jsonl': [{ ...row, text: 'x' }] }, { source: 'field_x' })).rejects.toThrow(
      /"field_0", "field_1".* and 281 more\. Name one/,
    );
  });
});

it('similar names differ in few characters or share their last key', () => {
  expect(sortByNearness(['content', 'id', 'text', 'meta.texts'], 'meta.text')).toEqual([
    'text',
    'meta.texts',
    'content',
    'id',
  ]);
});
