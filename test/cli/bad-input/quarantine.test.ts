// Bad rows are quarantined.

import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type BagOfWords, openBagOfWords } from '../../indexer/bag-of-words.ts';
import { betr } from '../betr.ts';
import { jsonl, makeDocuments, makeProject } from '../project.ts';
import { everything, longTest } from '../../long.ts';

jest.setTimeout(300_000);

let root: string;
let bag: BagOfWords;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-bad-'));
  bag = await openBagOfWords();
});
afterAll(async () => {
  await bag.close();
  await rm(root, { recursive: true });
});
const quarantineLine = z.strictObject({
  file: z.string(),
  position: z.number(),
  reason: z.string(),
  detail: z.string().optional(),
});

async function readQuarantine(folder: string, name: string): Promise<z.output<typeof quarantineLine>[]> {
  const text = await readFile(join(folder, 'run', 'quarantine', name), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => quarantineLine.parse(JSON.parse(line)));
}

describe('bad rows', () => {
  const bad: readonly (readonly [line: Buffer, reason: RegExp])[] = [
    [Buffer.from('{"text": "half a li'), /^not valid JSON$/],
    [
      Buffer.from([0x7b, 0x22, 0x74, 0x65, 0x78, 0x74, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
      /^not valid UTF-8$/,
    ],
    [Buffer.from('{"text": ["a", "b"]}'), /^field "text" is not a string$/],
    [Buffer.from('{"text": "  \\n"}'), /^field "text" is empty$/],
    [Buffer.from('{"id": "x"}'), /^field "text" is missing$/],
    [Buffer.from('["text"]'), /^not a JSON object$/],
    [Buffer.from('{"text": "x", "tokens": -1}'), /^field "tokens" is not a whole number of tokens$/],
    ...(everything
      ? [[Buffer.from(`{"text": "${'x'.repeat(65 << 20)}"}`), /^line longer than \d+ bytes$/] as const]
      : []),
  ];

  longTest(
    'are listed with file, position and reason, counted by index and rank, and gone after a fix',
    async () => {
      const folder = join(root, 'quarantine');
      const documents = makeDocuments(600);
      const withBadRows = Buffer.concat([
        Buffer.from(jsonl(documents.slice(0, 300))),
        ...bad.flatMap(([line]) => [line, Buffer.from('\n')]),
        Buffer.from(jsonl(documents.slice(300))),
      ]);
      await makeProject(folder, bag.url, { shards: { 'a.jsonl': withBadRows } });
      await writeFile(
        join(folder, 'cooking.jsonl'),
        `${await readFile(join(folder, 'cooking.jsonl'), 'utf8')}{"question": "Why?"}\n`,
      );
      const expected = bad.map(([, reason], i) => ({
        file: 'corpus/a.jsonl',
        position: 300 + i,
        reason: expect.stringMatching(reason),
      }));

      const index = await betr(folder, ['index']);
      expect(index).toMatchObject({ code: 0, stdout: expect.stringContaining('Read 600 documents') });
      expect(index.stdout).toContain(
        `${bad.length + 1} bad rows were left out; quarantine/ in the run folder lists them with the reasons`,
      );
      expect(await readQuarantine(folder, 'index-corpus.jsonl')).toMatchObject(expected);
      expect(await readQuarantine(folder, 'index-benchmarks.jsonl')).toMatchObject([
        { file: 'cooking.jsonl', position: 10, reason: expect.stringContaining('no answer') },
      ]);

      expect((await betr(folder, ['train'])).code).toBe(0);
      const rank = await betr(folder, ['rank']);
      expect(rank.stdout).toContain(
        `${bad.length} bad rows were left out; quarantine/ in the run folder lists them with the reasons`,
      );
      expect(rank.stdout).toContain('Ranked 600 documents');
      const [name = ''] = (await readdir(join(folder, 'run', 'quarantine'))).filter(
        (file) => !file.startsWith('index-'),
      );
      expect(await readQuarantine(folder, name)).toMatchObject(expected);

      await writeFile(join(folder, 'corpus', 'a.jsonl'), jsonl(documents));
      const fixed = await betr(folder, ['run']);
      expect(fixed).toMatchObject({ code: 0, stdout: expect.stringContaining('1 bad row was left out') });
      expect(await readdir(join(folder, 'run', 'quarantine'))).not.toContain('index-corpus.jsonl');
    },
  );
});
