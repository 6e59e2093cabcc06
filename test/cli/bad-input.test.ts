import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { compress } from '../data/compression/zstd.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { withLock } from '../../data/files/lock.ts';
import { silent } from '../../run/progress.ts';
import { openRun } from '../../run/run.ts';
import { runIndex } from '../../indexer/index.ts';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';
import { betr } from './betr.ts';
import { errorOf, jsonl, makeDocuments, makeProject, writeSettings } from './project.ts';

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

const few = makeDocuments(60);
const good = jsonl(few);
let projects = 0;

async function smallProject(settings: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const folder = join(root, `p${projects++}`);
  await makeProject(folder, bag.url, { shards: { 'a.jsonl': good }, settings });
  return folder;
}

/** The files of a run but for vectors, which are whole in themselves and kept on purpose. */
async function listRun(folder: string): Promise<string[]> {
  const entries = await readdir(join(folder, 'run'), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('vectors'))
    .map(({ name }) => name)
    .sort();
}

/**
 * What may be there after `betr index` has failed: whole files that the next run goes on from; nothing that
 * says the index is there.
 */
async function expectNothingHalf(folder: string): Promise<void> {
  const files = await listRun(folder);
  expect(files.filter((name) => name.startsWith('.') || name.endsWith('.tmp') || name === 'lock')).toEqual(
    [],
  );
  expect(files).not.toContain('index.json');
  expect(files).not.toContain('targets.parquet');
}

async function parquetBytes(query: string): Promise<Buffer> {
  const path = join(root, 'made.parquet');
  await withDuckDb({}, async (connection) => {
    await connection.run(`COPY (${query}) TO ${sqlString(path)} (FORMAT parquet)`);
  });
  return readFile(path);
}

type Spoil = (folder: string) => Promise<void>;
const shard =
  (name: string, content: () => Uint8Array | string | Promise<Uint8Array>): Spoil =>
  async (folder) =>
    writeFile(join(folder, 'corpus', name), await content());
const settings =
  (value: () => Readonly<Record<string, unknown>>): Spoil =>
  (folder) =>
    writeSettings(folder, bag.url, value());
const text =
  (name: string, content: string): Spoil =>
  (folder) =>
    writeFile(join(folder, name), content);

const whole = [
  { name: 'cooking', files: ['cooking.jsonl'] },
  { name: 'astronomy', files: ['astronomy.jsonl'] },
];
const closedPort = 'http://127.0.0.1:1/v1';

/**
 * What is wrong, how it is made so, and what comes of indexing: exit code, code of the catalogue, words of
 * the sentence.
 */
const cases: readonly (readonly [
  what: string,
  spoil: Spoil,
  exit: number,
  code: string,
  sentence: RegExp,
])[] = [
  [
    'a missing file',
    settings(() => ({ corpus: { files: ['corpus/*', 'none.jsonl'] } })),
    1,
    'FILE_NOT_FOUND',
    /none\.jsonl does not exist/,
  ],
  [
    'a pattern without a match',
    settings(() => ({ corpus: { files: ['none/*.jsonl'] } })),
    1,
    'NO_FILES',
    /none\/\*\.jsonl/,
  ],
  [
    'a file of another kind',
    shard('b.csv', () => 'id,text\n'),
    1,
    'FILE_KIND_UNKNOWN',
    /b\.csv is not a supported file format/,
  ],
  [
    'a gz that is none',
    shard('b.jsonl.gz', () => 'plain text'),
    1,
    'FILE_UNREADABLE',
    /b\.jsonl\.gz cannot be read/,
  ],
  ['an empty gz', shard('b.jsonl.gz', () => ''), 1, 'FILE_UNREADABLE', /it is empty/],
  [
    'half a gz',
    shard('b.jsonl.gz', () => gzipSync(good).subarray(0, 300)),
    1,
    'FILE_UNREADABLE',
    /the gzip member that starts at byte 0 is incomplete/,
  ],
  [
    'a gz with rubbish behind it',
    shard('b.jsonl.gz', () => Buffer.concat([gzipSync(good), Buffer.from('rubbish')])),
    1,
    'FILE_UNREADABLE',
    /at byte \d+ it has the bytes .*, not a gzip member or the end of the file/,
  ],
  [
    'a zst that is none',
    shard('b.jsonl.zst', () => 'plain text'),
    1,
    'FILE_UNREADABLE',
    /b\.jsonl\.zst cannot be read/,
  ],
  [
    'half a zst',
    shard('b.jsonl.zst', () => compress(Buffer.from(good)).subarray(0, 300)),
    1,
    'FILE_UNREADABLE',
    /the Zstandard frame that starts at byte 0 is incomplete/,
  ],
  [
    'a zst with rubbish behind it',
    shard('b.jsonl.zst', () => Buffer.concat([compress(Buffer.from(good)), Buffer.from('rubbish')])),
    1,
    'FILE_UNREADABLE',
    /at byte \d+ it has the bytes .*, not a Zstandard frame or the end of the file/,
  ],
  [
    'a window over the limit',
    shard('b.jsonl.zst', () => Buffer.from('28b52ffd00a80100000a', 'hex')),
    1,
    'FILE_UNREADABLE',
    /needs a window of 2048 MiB, but the setting corpus\.windowMegabytes allows 1024 MiB/,
  ],
  [
    'an HTML page',
    shard('b.jsonl', () => '<!doctype html><title>Sign in</title>'),
    1,
    'FILE_UNREADABLE',
    /it is an HTML page, not JSON Lines/,
  ],
  [
    'a Git LFS pointer',
    shard('b.parquet', () => 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n'),
    1,
    'FILE_UNREADABLE',
    /it is a Git LFS pointer, not Parquet .*git lfs pull/,
  ],
  ['a JSON array', shard('b.json', () => JSON.stringify(few)), 1, 'FILE_UNREADABLE', /it is one JSON array/],
  [
    'a Parquet that is none',
    shard('b.parquet', () => 'plain text that is long enough'),
    1,
    'FILE_UNREADABLE',
    /b\.parquet cannot be read/,
  ],
  [
    'a Parquet without the column',
    shard('b.parquet', () => parquetBytes(`SELECT 'x' AS content`)),
    1,
    'COLUMN_MISSING',
    /has no column "text"; it has content/,
  ],
  [
    'a Parquet whose text is a number',
    shard('b.parquet', () => parquetBytes('SELECT 1 AS text')),
    1,
    'COLUMN_TYPE',
    /"text" of .* has type INTEGER/,
  ],
  ['zero documents', shard('a.jsonl', () => ''), 1, 'NO_DOCUMENTS', /1 file, 0 rows quarantined/],
  [
    'no usable document',
    shard('a.jsonl', () => '{"text": 5}\n{"text": ""}\n'),
    1,
    'NO_DOCUMENTS',
    /1 file, 2 rows quarantined/,
  ],
  [
    'a text by another name',
    shard('a.jsonl', () => '{"id": 1, "meta": {"contents": "x"}, "url": "y"}\n'),
    1,
    'FIELD_MISSING',
    /field "text" \(corpus\.fields\.text\)\. Its rows have "id", "url", "meta\.contents"\. Name one of these in the settings\.$/,
  ],
  [
    'a field that no row has',
    settings(() => ({ corpus: { files: ['corpus/*'], fields: { source: 'metadata.sorce' } } })),
    1,
    'FIELD_MISSING',
    /"metadata\.sorce" \(corpus\.fields\.source\)\. Its rows have "source", "[a-z]+", "[a-z]+"\. Name one of these in the settings, or remove/,
  ],
  ['zero examples', text('cooking.jsonl', ''), 1, 'NO_EXAMPLES', /"cooking" has no usable example \(0 rows/],
  [
    'no usable example',
    text('cooking.jsonl', '{"question": "Why?"}\nhalf a li'),
    1,
    'NO_EXAMPLES',
    /"cooking" has no usable example \(2 rows/,
  ],
  [
    'a missing benchmark',
    settings(() => ({ benchmarks: [...whole, { name: 'third', files: ['third.jsonl'] }] })),
    1,
    'FILE_NOT_FOUND',
    /third\.jsonl/,
  ],
  [
    'a benchmark named twice',
    settings(() => ({ benchmarks: [...whole, ...whole] })),
    2,
    'SETTINGS_INVALID',
    /benchmarks\[2\]\.name: "cooking" is already used by an earlier benchmark/,
  ],
  [
    'a benchmark named twice in other case',
    settings(() => ({ benchmarks: [...whole, { name: 'Cooking', files: ['cooking.jsonl'] }] })),
    2,
    'SETTINGS_INVALID',
    /benchmarks\[2\]\.name: "Cooking"/,
  ],
  [
    'a typo in betr.yaml',
    settings(() => ({ sampel: {} })),
    2,
    'SETTINGS_INVALID',
    /unknown key "sampel"; known here: .*sample/,
  ],
  [
    'betr.yaml that is not YAML',
    text('betr.yaml', 'corpus: [\n'),
    2,
    'SETTINGS_INVALID',
    /betr\.yaml is not valid/,
  ],
  [
    'betr.yaml that blows up',
    text('betr.yaml', `a: &a [${'x,'.repeat(20)}]\nb: &b [${'*a,'.repeat(20)}]\nc: [${'*b,'.repeat(20)}]\n`),
    2,
    'SETTINGS_INVALID',
    /alias/,
  ],
  [
    'betr.yaml that contains itself',
    text('betr.yaml', 'corpus: &a [*a]\n'),
    2,
    'SETTINGS_INVALID',
    /corpus: got a value that contains itself/,
  ],
  ['an empty betr.yaml', text('betr.yaml', ''), 2, 'SETTINGS_INVALID', /got null/],
  [
    'a run folder that is a file',
    settings(() => ({ run: 'cooking.jsonl/run' })),
    1,
    'WRITE_FAILED',
    /cooking\.jsonl\/run cannot be written/,
  ],
  [
    'a model that is not there',
    settings(() => ({ embedding: { model: './models/none' } })),
    1,
    'MODEL_UNAVAILABLE',
    /there is no folder .*models\/none/,
  ],
  [
    'a folder that holds no model',
    settings(() => ({ embedding: { model: 'corpus' } })),
    1,
    'MODEL_UNAVAILABLE',
    /config\.json is missing/,
  ],
  [
    'an endpoint that is not there',
    settings(() => ({ embedding: { model: closedPort } })),
    1,
    'ENDPOINT_FAILED',
    /127\.0\.0\.1:1/,
  ],
];

/** What `betr index` does, in this process. */
async function index(folder: string): Promise<Awaited<ReturnType<typeof runIndex>>> {
  const run = await openRun(join(folder, 'betr.yaml'));
  return withLock(run, () => runIndex(run, silent));
}

describe('betr index', () => {
  it.each(cases)(
    'with %s says so, leaves nothing half-written, and works once that is mended',
    async (_what, spoil, exitCode, code, sentence) => {
      const folder = await smallProject();
      await spoil(folder);
      await expect(index(folder)).rejects.toMatchObject({
        code,
        exitCode,
        message: expect.stringMatching(sentence),
      });
      await expectNothingHalf(folder);
      for (const name of await readdir(join(folder, 'corpus')))
        if (name !== 'a.jsonl') await rm(join(folder, 'corpus', name));
      await makeProject(folder, bag.url, { shards: { 'a.jsonl': good } });
      expect(await index(folder)).toMatchObject({ corpus: { documents: few.length }, fresh: false });
      expect(await listRun(folder)).toContain('index.json');
    },
  );

  it.each(
    cases.filter(([what]) =>
      ['half a zst', 'a Parquet without the column', 'a typo in betr.yaml'].includes(what),
    ),
  )('tells of %s by its exit code, in words and as JSON', async (_what, spoil, exit, code, sentence) => {
    const folder = await smallProject();
    await spoil(folder);
    const { code: ended, stdout, stderr } = await betr(folder, ['index', '--json']);
    expect(errorOf(stdout)).toMatchObject({ code, message: expect.stringMatching(sentence) });
    expect(ended).toBe(exit);
    expect(stderr).toContain(`[${code}]`);
    expect(stderr).not.toMatch(/\n {4}at /);
    await expectNothingHalf(folder);
  });
});

const quarantineLine = z.strictObject({
  file: z.string(),
  position: z.number(),
  reason: z.string(),
  detail: z.string().optional(),
});

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
    [Buffer.from(`{"text": "${'x'.repeat(65 << 20)}"}`), /^line longer than \d+ bytes$/],
  ];

  it(
    'are left out, written down with file, position and reason, counted at the end of index and of ' +
      'rank, and gone when they are mended',
    async () => {
      const folder = join(root, 'quarantine');
      const documents = makeDocuments(600);
      const spoiled = Buffer.concat([
        Buffer.from(jsonl(documents.slice(0, 300))),
        ...bad.flatMap(([line]) => [line, Buffer.from('\n')]),
        Buffer.from(jsonl(documents.slice(300))),
      ]);
      await makeProject(folder, bag.url, { shards: { 'a.jsonl': spoiled } });
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
        '9 bad rows were left out; quarantine/ in the run folder lists them with the reasons',
      );
      expect(await readQuarantine(folder, 'index-corpus.jsonl')).toMatchObject(expected);
      expect(await readQuarantine(folder, 'index-benchmarks.jsonl')).toMatchObject([
        { file: 'cooking.jsonl', position: 10, reason: expect.stringContaining('no answer') },
      ]);

      expect((await betr(folder, ['train'])).code).toBe(0);
      const rank = await betr(folder, ['rank']);
      expect(rank.stdout).toContain(
        '8 bad rows were left out; quarantine/ in the run folder lists them with the reasons',
      );
      expect(rank.stdout).toContain('Ranked 600 documents');
      const [name = ''] = (await readdir(join(folder, 'run', 'quarantine'))).filter(
        (file) => !file.startsWith('index-'),
      );
      expect(await readQuarantine(folder, name)).toMatchObject(expected);

      await writeFile(join(folder, 'corpus', 'a.jsonl'), jsonl(documents));
      const mended = await betr(folder, ['run']);
      expect(mended).toMatchObject({ code: 0, stdout: expect.stringContaining('1 bad row was left out') });
      expect(await readdir(join(folder, 'run', 'quarantine'))).not.toContain('index-corpus.jsonl');
    },
  );

  it('of a shard that can no longer be read end the ranking, and the published one stays', async () => {
    const folder = join(root, 'later');
    await makeProject(folder, bag.url, { shards: { 'a.jsonl': jsonl(makeDocuments(600)) } });
    expect((await betr(folder, ['run'])).code).toBe(0);
    const published = await readFile(join(folder, 'run', 'ranking.json'));
    await writeFile(join(folder, 'corpus', 'b.jsonl.gz'), gzipSync(good).subarray(0, 300));
    const failed = await betr(folder, ['rank', '--json']);
    expect(failed.code).toBe(1);
    expect(errorOf(failed.stdout)).toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining('b.jsonl.gz'),
    });
    expect((await readFile(join(folder, 'run', 'ranking.json'))).equals(published)).toBe(true);
    expect((await betr(folder, ['cutoff', '--keep', '0.5'])).code).toBe(0);
    await writeFile(join(folder, 'corpus', 'b.jsonl.gz'), gzipSync(good));
    expect((await betr(folder, ['rank'])).stdout).toMatch(/Ranked 660 documents/);
    // A shard that was ranked and then changed is not copied from.
    await writeFile(join(folder, 'corpus', 'a.jsonl'), `${jsonl(makeDocuments(600))}\n`);
    const changed = await betr(folder, [
      'select',
      '--keep',
      '0.5',
      '--format',
      'documents',
      '--out',
      'out',
      '--json',
    ]);
    expect(errorOf(changed.stdout)).toMatchObject({ code: 'SHARD_CHANGED' });
    expect(await readdir(join(folder, 'out')).catch(() => [])).toEqual([]);
    // A folder with something else in it is not touched.
    await mkdir(join(folder, 'mine'));
    await writeFile(join(folder, 'mine', 'notes.txt'), 'mine');
    const refused = await betr(folder, ['select', '--keep', '0.5', '--out', 'mine', '--json']);
    expect(refused.code).toBe(2);
    expect(errorOf(refused.stdout)).toMatchObject({
      code: 'OUT_NOT_EMPTY',
      message: expect.stringContaining('notes.txt'),
    });
    expect(await readdir(join(folder, 'mine'))).toEqual(['notes.txt']);
  });

  async function readQuarantine(folder: string, name: string): Promise<z.output<typeof quarantineLine>[]> {
    const text = await readFile(join(folder, 'run', 'quarantine', name), 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => quarantineLine.parse(JSON.parse(line)));
  }
});
