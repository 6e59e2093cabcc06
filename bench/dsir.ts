// Speed of DSIR's hashed n-grams on one core: the fast version next to the slow, simple one, on the same texts,
// with the same buckets.
//   npm run bench:dsir [-- --megabytes 30] [--json]

import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { openHasher } from '../scoring/scorers/dsir/hasher.ts';
import { listBuckets } from '../scoring/scorers/dsir/ngrams.ts';
import { describeMachine, printBenchmark } from './machine.ts';

const { values } = parseArgs({
  options: { megabytes: { type: 'string', default: '30' }, json: { type: 'boolean' } },
});
const rowSchema = z.object({ text: z.string() });

const texts = await readTexts(Number(values.megabytes) * 1e6);
const fast = time(openHasher(), texts);
// The slow way has no memory that a longer run would fill: a tenth of the texts tells.
const some = texts.slice(0, Math.ceil(texts.length / 10));
const slow = time(listBuckets, some);
if (slow.checksum !== time(openHasher(), some).checksum)
  throw new Error('The two ways give different buckets.');
const result = {
  fast: fast.mbPerSecond,
  slow: slow.mbPerSecond,
  ratio: fast.mbPerSecond / slow.mbPerSecond,
  ngrams: fast.ngrams,
  machine: describeMachine(),
};
printBenchmark(
  result,
  `fast ${result.fast.toFixed(1)} MB/s, slow ${result.slow.toFixed(1)} MB/s: ${result.ratio.toFixed(1)} ` +
    `×; ${fast.ngrams} n-grams in ${values.megabytes} MB`,
);

/** Reads the texts as a scorer gets them, as UTF-8. */
function time(
  listNgrams: (text: string) => ArrayLike<number>,
  all: readonly Uint8Array[],
): { mbPerSecond: number; ngrams: number; checksum: number } {
  const decoder = new TextDecoder();
  const startedMs = performance.now();
  let [bytes, ngrams, checksum] = [0, 0, 0];
  for (const text of all) {
    const found = listNgrams(decoder.decode(text));
    for (let i = 0; i < found.length; i++) checksum = (31 * checksum + (found[i] ?? 0)) | 0;
    bytes += text.length;
    ngrams += found.length;
  }
  return { mbPerSecond: bytes / 1000 / (performance.now() - startedMs), ngrams, checksum };
}

async function readTexts(wantedBytes: number): Promise<Uint8Array[]> {
  const pool = resolve(process.env['BETR_SHARED'] ?? '../shared', 'data', 'pool');
  const found: Uint8Array[] = [];
  let bytes = 0;
  for (const name of (await readdir(pool)).filter((file) => file.endsWith('.jsonl.gz')).sort()) {
    for (const line of gunzipSync(await readFile(join(pool, name)))
      .toString()
      .trimEnd()
      .split('\n')) {
      if (bytes >= wantedBytes) return found;
      const text = Buffer.from(rowSchema.parse(JSON.parse(line)).text);
      found.push(text);
      bytes += text.length;
    }
  }
  return found;
}
