import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { fasttextLine, readLabeled, writeTrainingFile } from '../../../classifier/fasttext/training-file.ts';
import { labelDocuments } from '../../../classifier/labels.ts';
import { openRandom } from '../../../data/seeded-random.ts';
import { splitDocuments } from '../../../classifier/held-out.ts';
import { prepareScorer } from '../../../scoring/scorers/list.ts';
import { silent } from '../../../run/progress.ts';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { openRun, type Run } from '../../../run/run.ts';
import { betr } from '../../cli/betr.ts';
import { betrProcess, errorOf } from '../../cli/project.ts';
import { longTest } from '../../long.ts';

const program = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((place) => join(place, 'fasttext'))
  .find((path) => existsSync(path));
if (program === undefined)
  console.log('The fasttext program is absent: nothing is trained with it (apt-get install fasttext).');
const withProgram = program === undefined ? it.skip : it;

let folder: string;
let run: Run;
/** Key, score and text of every document; the more "good" words, the higher the score. */
let rows: { document: string; score: number; text: string }[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-export-'));
  await writeFile(
    join(folder, 'betr.yaml'),
    'corpus: {files: [none.jsonl]}\nbenchmarks: [{name: none, files: [none.jsonl]}]\nclassifier: {bits: 14}\n',
  );
  run = await openRun(join(folder, 'betr.yaml'));
  const random = openRandom(5);
  rows = Array.from({ length: 1000 }, (_, i) => {
    const score = random();
    const words = Array.from({ length: 60 }, () =>
      random() < score / 3 ? `good${Math.floor(random() * 20)}` : `word${Math.floor(random() * 200)}`,
    );
    const odd = ['line\nbreak', 'a tab\there', '</s>', '__label__hq', 'naïve\u00a0space', '\0'][i % 6] ?? '';
    return {
      document: `d${String(i).padStart(4, '0')}`,
      score,
      text: [...words.slice(0, 30), odd, ...words.slice(30)].join(' '),
    };
  });
  const path = join(folder, 'rows.jsonl');
  await writeFile(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  await withDuckDb({}, async (connection) => {
    const source = `read_json(${sqlString(path)}, format = 'newline_delimited')`;
    await connection.run(
      `COPY (SELECT document, 's' AS shard, 0 AS "row", '' AS source, 1 AS tokens, text FROM ${source}) ` +
        `TO ${sqlString(run.files.sample)} (FORMAT parquet)`,
    );
    await connection.run(
      `COPY (SELECT document, score FROM ${source}) TO ${sqlString(run.files.targets)} (FORMAT parquet)`,
    );
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const exportedSchema = z.object({
  exported: z.object({ path: z.string(), hq: z.number(), other: z.number(), command: z.string() }),
});

describe('betr train --export-fasttext', () => {
  it('writes the documents that the classifier trains on, the larger class cut to the smaller', async () => {
    const { code, stdout, stderr } = await betr(folder, [
      'train',
      '--export-fasttext',
      'quality.txt',
      '--json',
    ]);
    expect({ code, stderr: stderr.includes('[') }).toEqual({ code: 0, stderr: false });
    const { exported } = exportedSchema.parse(JSON.parse(stdout));
    const lines = (await readFile(join(folder, 'quality.txt'), 'utf8')).trimEnd().split('\n');
    const { training } = splitDocuments(
      rows.map(({ document }) => document),
      1,
    );
    const { top } = labelDocuments(Float64Array.from(rows, ({ score }) => score));
    const lineOf = (place: number): string =>
      `__label__${top[place] === 1 ? 'hq' : 'other'} ${fasttextLine(rows[place]?.text ?? '')}`;
    const wanted = training.filter((place) => top[place] === 1);
    const found = lines.map((line) => [...training].find((place) => lineOf(place) === line));
    expect(found).not.toContain(undefined);
    expect(new Set(found).size).toBe(lines.length);
    for (const place of wanted) expect(lines).toContain(lineOf(place));
    expect(exported).toMatchObject({
      path: join(folder, 'quality.txt'),
      hq: wanted.length,
      other: wanted.length,
    });
    expect(lines).toHaveLength(2 * wanted.length);
    expect(exported.command).toBe(
      `fasttext supervised -input ${exported.path} -output ${join(folder, 'quality')} -wordNgrams 2 -lr ` +
        '0.03 -dim 128 -epoch 5 -minCount 5',
    );
    const first = await readFile(join(folder, 'quality.txt'));
    const again = await betr(folder, ['train', '--export-fasttext', 'quality.txt']);
    expect(again.stdout).toContain(exported.command);
    expect(await readFile(join(folder, 'quality.txt'))).toEqual(first);
    expect(
      errorOf((await betr(folder, ['train', '--export-fasttext', 'rows.jsonl/x', '--json'])).stdout).code,
    ).toBe('WRITE_FAILED');
  });

  it('has the smaller class in every round, and each document of the larger in one', async () => {
    const labeled = await readLabeled(run);
    const path = join(folder, 'rounds.txt');
    const { top, rest } = await writeTrainingFile(run, labeled, path, Infinity);
    const counts = new Map<string, number>();
    for (const line of (await readFile(path, 'utf8')).trimEnd().split('\n'))
      counts.set(line, (counts.get(line) ?? 0) + 1);
    const positives = labeled.training.filter((place) => labeled.top[place] === 1).length;
    const rounds = Math.ceil((labeled.training.length - positives) / positives);
    expect({ top, rest, lines: counts.size }).toEqual({
      top: positives * rounds,
      rest: labeled.training.length - positives,
      lines: labeled.training.length,
    });
    for (const [line, count] of counts) expect(count).toBe(line.startsWith('__label__hq ') ? rounds : 1);
  });

  it('makes one line of each text, of words that fastText reads as they are', () => {
    expect(fasttextLine('a\nb\tc\u00a0d </s> x</s>y __label__hq z__label__ \0 e\r\n')).toBe(
      'a b c\u00a0d x</s>y z__label__ e',
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('a', 'ü', '</s>', '__label__a', '__label__', ' ', '\n', '\0', '\u2003', '\v'),
        ),
        (parts) => {
          const line = fasttextLine(parts.join(''));
          expect(line).not.toMatch(/[\n\r\t\v\f\0]|(^| )(<\/s>|__label__[^ ]*)( |$)/);
          expect(fasttextLine(line)).toBe(line);
        },
      ),
    );
  });

  withProgram('is what the program trains on, and our scorer takes the model', async () => {
    const { stdout } = await betr(folder, ['train', '--export-fasttext', 'quality.txt', '--json']);
    const { exported } = exportedSchema.parse(JSON.parse(stdout));
    execFileSync('bash', ['-c', `${exported.command} -bucket 20000 -thread 1`], { stdio: 'ignore' });
    const labels = execFileSync('fasttext', ['dump', join(folder, 'quality.bin'), 'dict'], {
      encoding: 'utf8',
    })
      .split('\n')
      .filter((line) => line.endsWith(' label'))
      .map((line) => line.split(' ').slice(0, 2))
      .sort();
    expect((await prepareScorer(run, 'fasttext:quality.bin', silent)).prepared.settings).toEqual({
      label: '__label__hq',
    });
    expect(labels).toEqual([
      ['__label__hq', String(exported.hq)],
      ['__label__other', String(exported.other)],
    ]);
  });
});

const figures = z.object({ auc: z.number(), mbPerSecond: z.number().positive() });
const comparisonSchema = z.object({
  // A fold, and four fifths of the others.
  documents: z.object({ training: z.number().min(600).max(680), heldOut: z.number().min(150).max(250) }),
  ours: figures,
  fasttext: figures.nullable(),
  fasttextPaper: figures.extend({ settings: z.string() }),
});

describe('betr bench fasttext', () => {
  (program === undefined ? it.skip : longTest)('shows both on the same held-out documents', async () => {
    // The program itself, with a hundredth of the buckets that it has of itself, which are a gigabyte to
    // write and read for each model.
    await mkdir(join(folder, 'bin'));
    await writeFile(
      join(folder, 'bin', 'fasttext'),
      `#!/bin/sh\n[ "$1" = supervised ] && set -- "$@" -bucket 20000\nexec '${program ?? ''}' "$@"\n`,
      { mode: 0o755 },
    );
    const env = { PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}` };
    const whole = comparisonSchema.parse(
      JSON.parse((await betrProcess(folder, ['bench', 'fasttext', '--json'], env)).stdout),
    );
    expect(whole.fasttextPaper.settings).toBe('lr 0.03, dim 128, 5 epochs, minCount 5, positives once');
    for (const auc of [whole.ours.auc, whole.fasttext?.auc ?? 0]) expect(auc).toBeGreaterThan(0.8);
    const alone = (await betrProcess(folder, ['bench', 'fasttext', '--paper-only'], env)).stdout;
    expect(alone).toMatch(/6\d\d training documents, \d{3} held out\nclassifier +ROC-AUC/);
    expect(alone).toMatch(/\nbetr +0\.\d{4} [^]*\nfastText, the paper's +0\.\d{4}/);
    expect(alone).not.toContain('best of eight');
    expect(alone).toContain(whole.fasttextPaper.auc.toFixed(4));
    expect(existsSync(join(run.folder, 'bench-fasttext'))).toBe(false);
  });

  it('says how to get the program where it is absent', async () => {
    const { code, stdout } = await betrProcess(folder, ['bench', 'fasttext', '--json'], { PATH: folder });
    expect(code).toBe(1);
    expect(errorOf(stdout)).toMatchObject({
      code: 'PROGRAM_MISSING',
      message: expect.stringMatching(/"fasttext" is not on the PATH.*apt-get install fasttext/),
    });
    expect((await betr(folder, ['bench', 'magic'])).code).toBe(2);
  });
});
