import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseLabel } from '../../scoring/scorers/fasttext.ts';
import { createHash } from 'node:crypto';
import { openHasher } from '../../scoring/scorers/dsir/hasher.ts';
import { bucketOf, buckets, listBuckets, listTokens } from '../../scoring/scorers/dsir/ngrams.ts';
import { digest, hashBlock, longestMessage } from '../../scoring/scorers/dsir/sha256.ts';
import { compareCounts, logWeight } from '../../scoring/scorers/dsir/dsir.ts';
import {
  openScorer,
  prepareScorer,
  rankingName,
  rankingRun,
  readScorer,
} from '../../scoring/scorers/list.ts';
import { randomScore } from '../../scoring/scorers/random.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';
import { plainShape, writeModel } from '../classifier/fasttext/write-model.ts';
import { rounds } from '../long.ts';

let folder: string;
let run: Run;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-scorers-'));
  await writeFile(
    join(folder, 'betr.yaml'),
    'corpus: {files: [none.jsonl]}\nbenchmarks: [{name: none, files: [none.jsonl]}]\n',
  );
  run = await openRun(join(folder, 'betr.yaml'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The scores of texts by a scorer that went to its worker as JSON. */
async function scoreAll(
  scorer: string,
  texts: readonly string[],
  documents = texts.map((_, i) => `document-${i}`),
): Promise<number[]> {
  const { run: own, prepared } = await prepareScorer(run, scorer, silent);
  const opened = await openScorer(own, await readScorer(own));
  expect(await readScorer(own)).toEqual(prepared);
  const bytes = texts.map((text) => Buffer.from(text));
  let end = 0;
  const out = new Float32Array(texts.length);
  opened.scoreTexts(
    Buffer.concat(bytes),
    Uint32Array.from(bytes, ({ length }) => (end += length)),
    texts.length,
    out,
    documents,
  );
  return [...out];
}

async function writeTexts(path: string, texts: readonly string[]): Promise<void> {
  await withDuckDb({}, async (connection) => {
    await connection.run(
      `COPY (SELECT unnest([${texts.map(sqlString).join(', ')}]) AS text) TO ${sqlString(path)} (FORMAT parquet)`,
    );
  });
}

describe('random', () => {
  it('is the same for the same key and seed, and evenly spread', async () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `key-${i}`);
    const scores = keys.map((key) => randomScore(key, 1));
    const tenths = Array.from(
      { length: 10 },
      (_, tenth) => scores.filter((score) => Math.floor(score * 10) === tenth).length,
    );
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(200);
    expect(new Set(scores).size).toBeGreaterThan(19_900);
    expect(await scoreAll('random', ['a', 'b'], ['key-1', 'key-2'])).toEqual(scores.slice(1, 3));
    expect(await scoreAll('random:seed=2', ['a', 'b'], ['key-1', 'key-2'])).toEqual([
      randomScore('key-1', 2),
      randomScore('key-2', 2),
    ]);
    expect(randomScore('key-1', 2)).not.toBe(scores[1]);
  });
});

describe('length', () => {
  it("is the text's bytes", async () => {
    expect(await scoreAll('length', ['', 'abc', 'naïve'])).toEqual([0, 3, 6]);
  });
});

describe('dsir', () => {
  it("has the golden buckets and features of the paper's code", () => {
    expect(bucketOf('alice')).toBe(6720);
    expect(bucketOf('alice went')).toBe(114);
    for (const list of [listBuckets, openHasher()]) {
      const found = Array.from(list('Alice went to the store'));
      expect(found).toHaveLength(9);
      expect(found.slice(0, 3)).toEqual([6720, bucketOf('went'), 114]);
    }
  });

  it('splits as Python does', () => {
    // What Python 3.11 gives for re.findall(r"\w+|[^\w\s]+", text.lower()).
    expect(listTokens("İstanbul ΟΔΟΣ naïve_x 3½ Ⅷ a\u0301b \u2028x\x1cy\x85z\ufeffw don't!! ²")).toEqual([
      'i',
      '\u0307',
      'stanbul',
      'οδος',
      'naïve_x',
      '3½',
      'ⅷ',
      'a',
      '\u0301',
      'b',
      'x',
      'y',
      'z',
      '\ufeff',
      'w',
      'don',
      "'",
      't',
      '!!',
      '²',
    ]);
  });

  it('is the sum of the log ratios', () => {
    const target = new Float64Array(buckets);
    const pool = new Float64Array(buckets).fill(1);
    for (const bucket of listBuckets('alice went to the store')) target[bucket] = (target[bucket] ?? 0) + 1;
    const ratios = Float64Array.from(compareCounts(target, pool, 0).ratios);
    // p = 1/9 in nine buckets, q = 1/10,000 in all.
    const seen = Math.log(1 / 9 + 1e-8) - Math.log(1e-4 + 1e-8);
    const unseen = Math.log(1e-8) - Math.log(1e-4 + 1e-8);
    expect(logWeight(ratios, listBuckets('Alice went'))).toBeCloseTo(3 * seen, 9);
    expect(logWeight(ratios, listBuckets('zebra'))).toBeCloseTo(unseen, 9);
    const smoothed = Float64Array.from(compareCounts(target, pool, 1).ratios);
    expect(logWeight(smoothed, listBuckets('zebra'))).toBeCloseTo(
      Math.log(1 / 10_009 + 1e-8) - Math.log(1e-4 + 1e-8),
      9,
    );
  });

  it('hashes fast what it hashes slowly, whatever is remembered or has no room', () => {
    const ways = [
      openHasher(),
      openHasher({ tokens: 8, units: 256, pairs: 4 }),
      openHasher({ tokens: 1024, units: 100, pairs: 64 }),
    ];
    const agree = (text: string): void => {
      const slow = listBuckets(text);
      for (const list of ways) expect(Array.from(list(text))).toEqual(slow);
    };
    const words = [
      'Alice',
      'went',
      'TO',
      'the',
      'naïve',
      'ΟΔΟΣ',
      'İs',
      '漢字',
      '𝒳𝒴',
      '🙂🙂',
      'a\u0301b',
      '\ud800',
      '\udc00x',
      '_',
      '½',
      "don't",
      '!!',
      '\x1c',
      '\x85',
      '\u2028',
      '\ufeff',
      ' ',
      '-',
      'w'.repeat(54),
      'x'.repeat(55),
      'y'.repeat(64),
      'z'.repeat(65),
      'ß'.repeat(40),
    ];
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.constantFrom(...words),
            fc.string({ unit: 'binary', maxLength: 5 }),
            fc.string({ unit: 'grapheme-ascii', maxLength: 70 }),
          ),
        ),
        fc.constantFrom(' ', '', '\n'),
        (parts, joint) => agree(parts.join(joint)),
      ),
      { numRuns: rounds(300) },
    );
    agree('');
    agree(Array.from({ length: 20_000 }, (_, i) => `w${(i * i) % 4999}`).join(' '));
    for (const longText of ['long '.repeat(10_000), 'x'.repeat(200_000), '. '.repeat(10_000)])
      agree(longText);
  });

  it('works SHA-256 out as the library does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: longestMessage }), (message) => {
        const padded = new Uint8Array(64);
        padded.set(message);
        padded[message.length] = 0x80;
        const view = new DataView(padded.buffer);
        view.setUint32(60, 8 * message.length);
        hashBlock(Int32Array.from({ length: 16 }, (_, i) => view.getInt32(4 * i)));
        expect(Array.from(digest, (word) => word.toString(16).padStart(8, '0')).join('')).toBe(
          createHash('sha256').update(message).digest('hex'),
        );
      }),
    );
  });

  it("takes the run's examples for the target and its sample for the pool, and warns of a small target", async () => {
    await expect(prepareScorer(run, 'dsir', silent)).rejects.toMatchObject({ code: 'STEP_MISSING' });
    await writeTexts(run.files.examples, ['solve the equation for x', 'what is the sum of two numbers']);
    await writeTexts(run.files.sample, [
      'the weather is nice today and the sea is warm',
      'what is the sum of these two numbers',
      'buy now, pay later',
    ]);
    const [math = 0, sea = 0, longSea = 0] = await scoreAll('dsir', [
      'what is the sum',
      'the sea is warm',
      'the sea is warm and the weather is nice today',
    ]);
    expect(math).toBeGreaterThan(0);
    expect(sea).toBeLessThan(0);
    expect(longSea).toBeLessThan(sea);
    const { prepared: plain } = await prepareScorer(run, 'dsir', silent);
    expect(plain.notes.join()).toMatch(/mostly prefers short documents/);
    const { prepared: smoothed } = await prepareScorer(run, 'dsir:smoothing=1', silent);
    expect(smoothed.notes).toEqual([]);
    expect(smoothed.fingerprint).not.toBe(plain.fingerprint);
    expect((await prepareScorer(run, 'dsir', silent)).prepared).toEqual(plain);
  });

  it('adds the same noise for the same key and seed', async () => {
    const [first = 0, again = 0, other = 0] = await scoreAll(
      'dsir:seed=3',
      ['a b', 'a b', 'a b'],
      ['k1', 'k1', 'k2'],
    );
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    const noise = await scoreAll(
      'dsir:seed=3',
      Array.from({ length: 4000 }, () => 'a b'),
    );
    const [plain = 0] = await scoreAll('dsir', ['a b']);
    // The mean of Gumbel noise is Euler's constant, its variance π²/6.
    expect(Math.abs(noise.reduce((sum, score) => sum + score - plain, 0) / 4000 - 0.5772)).toBeLessThan(0.1);
  });
});

describe('fasttext', () => {
  it(
    'gives the probability of a label, which need not be named where it says of itself that it is the ' +
      'good one',
    async () => {
      writeModel(join(folder, 'two.bin'), plainShape);
      writeModel(join(folder, 'many.bin'), {
        ...plainShape,
        labels: ['__label__a', '__label__b', '__label__c'],
        loss: 'ova',
      });
      const [hq = 0] = await scoreAll('fasttext:two.bin', ['the naïve x']);
      const [cc = 0] = await scoreAll('fasttext:two.bin#cc', ['the naïve x']);
      expect(hq + cc).toBeCloseTo(1, 4);
      expect(await scoreAll('fasttext:two.bin#__label__hq', ['the naïve x'])).toEqual([hq]);
      await expect(prepareScorer(run, 'fasttext:many.bin', silent)).rejects.toMatchObject({
        code: 'FASTTEXT_LABEL',
        message: expect.stringMatching(/"a", "b", "c"/),
      });
      await expect(prepareScorer(run, 'fasttext:two.bin#none', silent)).rejects.toMatchObject({
        code: 'FASTTEXT_LABEL',
        message: expect.stringMatching(/no label "none"/),
      });
      await expect(prepareScorer(run, 'fasttext:gone.bin', silent)).rejects.toMatchObject({
        code: 'FILE_NOT_FOUND',
      });
      expect(chooseLabel('m', ['__label__0', '__label__1'], '')).toBe('__label__1');
      expect(chooseLabel('m', ['__label__lo', '__label__hi'], '')).toBe('__label__hi');
      expect(() => chooseLabel('m', ['__label__1', '__label__2', '__label__3'], '')).toThrow(/does not say/);
    },
  );
});

describe('the rankings of a run', () => {
  it("lie beside each other, the product's own in the run folder itself", () => {
    expect(rankingRun(run, 'betr')).toBe(run);
    const names = [
      'random',
      'random:seed=2',
      'length',
      'dsir',
      'dsir:smoothing=1',
      'fasttext:a/model.bin#hq',
      'fasttext:b/model.bin#hq',
      'fasttext:a/model.bin',
    ].map((scorer) => rankingName(run, scorer));
    expect(new Set(names).size).toBe(names.length);
    expect(rankingName(run, 'fasttext:./a/model.bin#hq')).toBe(rankingName(run, 'fasttext:a/model.bin#hq'));
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9.-]*$/);
    expect(rankingRun(run, 'random').files).toMatchObject({
      ranking: join(run.folder, 'rankings', 'random', 'ranking.json'),
      sample: run.files.sample,
    });
  });

  it('have scorers that exist, with options that exist', async () => {
    expect(() => rankingRun(run, 'magic')).toThrow(/no scorer "magic".*random\[:seed=N\]/);
    await expect(prepareScorer(run, 'random:speed=2', silent)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
    await expect(prepareScorer(run, 'length:1', silent)).rejects.toMatchObject({ code: 'OPTION_INVALID' });
    await expect(prepareScorer(run, 'dsir:smoothing=much', silent)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    });
  });
});
