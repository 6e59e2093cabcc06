// Our predictions beside those of the real fasttext program: on documents of the shared data set, and, where
// that is absent, on the documentation in node_modules and on texts that are known to be traps. Skipped, with
// a line that says so, where the program is absent.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { keyHash } from '../../../data/files/hash.ts';
import { loadFasttext } from '../../../classifier/fasttext/predict.ts';
import { longTest } from '../../long.ts';

const program = findProgram();
const pool = resolve(process.env['BETR_SHARED'] ?? '../shared', 'data', 'pool');
const realDocuments = existsSync(pool);
if (program === undefined)
  console.log(
    'The fasttext program is absent: predictions are not compared with it (apt-get install fasttext).',
  );
if (!realDocuments)
  console.log(`${pool} is absent: predictions are compared on the documentation in node_modules alone.`);

interface Document {
  label: string;
  text: string;
}

const traps = [
  '',
  ' ',
  '\n\n',
  '</s>',
  'a </s> b c',
  '</s> quality',
  'x</s>y',
  '# heading # with hashes',
  'tabs\tand\vvertical\fform\0nul\rreturns',
  'no\u00a0break\u2003em\u3000wide spaces\u2028line',
  'a'.repeat(100_000),
  'naïve café 漢字 𝒳 🙂',
  '__label__hq in the text',
  '__label__unknown __label__',
  'line one\nline two\n\nline four',
  '<b>html</b> &amp; <</s>>',
  'The the THE',
];

/** Documents that most shapes are tried on; those with `all` are on more than 10,000. */
const fewer = 1500;

/** Of each document, as the program is slow. */
const mostCharacters = 1000;

interface Shape {
  name: string;
  labels: 'two' | 'sources' | 'several' | 'many';
  train: string;
  quantize?: string;
  all?: true;
  /** Looked at in any case. */
  always?: true;
}

/**
 * Shapes of models: options of `fasttext supervised`, and of `fasttext quantize` where the model is
 * quantized.
 */
const shapes: Shape[] = [
  {
    name: "the paper's",
    labels: 'two',
    train: '-lr 0.03 -dim 128 -wordNgrams 2 -minCount 5 -epoch 5 -bucket 100000',
    all: true,
  },
  { name: 'softmax, words alone', labels: 'sources', train: '-dim 10 -epoch 5 -lr 0.5', always: true },
  {
    name: 'one-versus-all, several labels, trigrams',
    labels: 'several',
    train: '-loss ova -dim 13 -wordNgrams 3 -bucket 50000 -lr 0.5',
    all: true,
  },
  {
    name: 'hierarchical softmax, character n-grams',
    labels: 'sources',
    train: '-loss hs -dim 16 -minn 2 -maxn 4 -wordNgrams 2 -bucket 20000 -lr 0.5',
  },
  {
    name: 'negative sampling',
    labels: 'sources',
    train: '-loss ns -dim 20 -wordNgrams 2 -bucket 30000 -lr 0.3',
  },
  {
    name: 'two labels, character n-grams',
    labels: 'two',
    train: '-dim 8 -minn 1 -maxn 3 -bucket 10000 -lr 0.5',
    always: true,
  },
  {
    name: 'quantized, two labels',
    labels: 'two',
    train: '-dim 8 -wordNgrams 2 -minCount 2 -bucket 5000 -lr 0.5',
    quantize: '-qnorm',
    all: true,
  },
  {
    name: 'quantized, pruned',
    labels: 'sources',
    train: '-dim 15 -wordNgrams 2 -bucket 20000 -lr 0.5',
    quantize: '-cutoff 5000 -dsub 4',
    always: true,
  },
  {
    name: 'quantized output, pruned, hierarchical, character n-grams',
    labels: 'many',
    train: '-loss hs -dim 17 -minn 3 -maxn 3 -wordNgrams 2 -bucket 20000 -lr 0.5',
    quantize: '-qnorm -qout -cutoff 3000',
  },
  {
    name: 'quantized output, softmax',
    labels: 'many',
    train: '-dim 6 -minCount 3 -lr 0.5',
    quantize: '-qout',
  },
];

let folder: string;
let documents: Document[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-fasttext-program-'));
  documents = realDocuments ? await readPool(10_500) : await readDocumentation();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

(program === undefined ? describe.skip : describe)('the fasttext program', () => {
  const givesTheSame = async ({ name, labels, train, quantize, all }: Shape): Promise<void> => {
    const base = join(folder, name.replaceAll(/\W+/g, '-'));
    const training = documents.slice(0, 1000);
    writeFileSync(
      `${base}.txt`,
      training.map((document, i) => `${labelsOf(labels, document, i)} ${oneLine(document.text)}\n`).join(''),
    );
    call(['supervised', '-input', `${base}.txt`, '-output', base, '-thread', '1', ...train.split(' ')]);
    if (quantize !== undefined)
      call(['quantize', '-input', `${base}.txt`, '-output', base, '-thread', '1', ...quantize.split(' ')]);
    const path = quantize === undefined ? `${base}.bin` : `${base}.ftz`;
    const texts = [...traps, ...documents.slice(0, all === true ? undefined : fewer).map(({ text }) => text)];
    const expected = predict(path, texts, `${base}.in.txt`);
    const model = loadFasttext(path);
    const furthest = { trap: 0, document: 0 };
    let otherLabels = 0;
    for (const [i, text] of texts.entries()) {
      const bytes = Buffer.from(text);
      const best = model.best(bytes, 0, bytes.length);
      const got = best === undefined ? '' : (model.labels[best.label] ?? '');
      if (got !== expected[i]?.label) otherLabels++;
      const kind = i < traps.length ? 'trap' : 'document';
      furthest[kind] = Math.max(
        furthest[kind],
        Math.abs((best?.probability ?? 0) - (expected[i]?.probability ?? 0)),
      );
    }
    console.log(
      `${name}: ${texts.length} texts, ${model.labels.length} labels, ${otherLabels} other labels, ` +
        `probabilities within ${furthest.document.toExponential(1)} (traps ${furthest.trap.toExponential(1)})`,
    );
    expect(otherLabels).toBe(0);
    expect(furthest.document).toBeLessThan(1e-4);
    // A word of 100,000 letters has 300,000 n-grams, whose rows the program adds up in single precision and
    // loses some of.
    expect(furthest.trap).toBeLessThan(1e-3);
    await rm(path);
  };
  it.each(shapes.filter(({ always }) => always))(
    'gives the same labels and probabilities: $name',
    givesTheSame,
    600_000,
  );
  longTest.each(shapes.filter(({ always }) => !always))(
    'gives the same labels and probabilities: $name',
    givesTheSame,
    600_000,
  );
});

function labelsOf(kind: Shape['labels'], { label, text }: Document, i: number): string {
  const chance = Number(keyHash(text, 1) % 300n);
  if (kind === 'two') return `__label__${label.length % 2 === 0 ? 'hq' : 'cc'}`;
  if (kind === 'several') return `__label__${label} __label__length${Math.floor(Math.log2(text.length + 1))}`;
  // Every one of the 300 occurs, as an output needs 256 rows to be quantized.
  return kind === 'many' ? `__label__n${i < 300 ? i : chance}` : `__label__${label}`;
}

function oneLine(text: string): string {
  return text.replaceAll('\n', ' ').replaceAll('</s>', ' ').replaceAll('__label__', ' ');
}

/**
 * What the program says to each text as one line; of a text with "</s>" in it, which it takes for several
 * lines, to the first.
 */
function predict(
  model: string,
  texts: readonly string[],
  input: string,
): { label: string; probability: number }[] {
  const lines = texts.map((text) => text.replaceAll('\n', ' '));
  writeFileSync(input, lines.map((line) => `${line}\n`).join(''));
  const answers = call(['predict-prob', model, input]).split('\n');
  let next = 0;
  return lines.map((line) => {
    const [label = '', probability = '0'] = (answers[next] ?? '').split(' ');
    next += 1 + line.split(/[ \t\n\r\v\f\0]+/).filter((token) => token === '</s>').length;
    return { label, probability: Number(probability) };
  });
}

function call(args: readonly string[]): string {
  return execFileSync(program ?? 'fasttext', args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function findProgram(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(':')
    .map((place) => join(place, 'fasttext'))
    .find((path) => existsSync(path));
}

const rowSchema = z.object({ source: z.string(), text: z.string() });

async function readPool(count: number): Promise<Document[]> {
  const found: Document[] = [];
  for (const name of (await readdir(pool)).filter((file) => file.endsWith('.jsonl.gz')).sort()) {
    for (const line of gunzipSync(readFileSync(join(pool, name)))
      .toString()
      .trimEnd()
      .split('\n')) {
      const { source, text } = rowSchema.parse(JSON.parse(line));
      found.push({ label: source.replaceAll(/\s+/g, '-'), text: text.slice(0, mostCharacters) });
      if (found.length === count) return found;
    }
  }
  return found;
}

async function readDocumentation(): Promise<Document[]> {
  const root = resolve('node_modules');
  const found: Document[] = [];
  for (const path of (await readdir(root, { recursive: true }))
    .filter((file) => /\.md$/i.test(file))
    .sort()) {
    for (const text of readFileSync(join(root, path), 'utf8').split(/\n(?=#)/))
      if (text !== '') found.push({ label: path.split('/')[0] ?? '', text: text.slice(0, mostCharacters) });
    if (found.length > 3000) break;
  }
  return found;
}
