// Makes a run with a published ranking of synthetic documents, of any size, without a corpus, for the server's
// benchmarks. Scores look like a classifier's (a bell curve around a negative logit); every benchmark has its own
// score, and the joint score follows the best of them. The same arguments give the same documents. With
// --unprepared, nothing is precomputed for a server, as in a run that was never served.
//   node dist/bench/synthetic-ranking.js --out DIR [--documents 20000000] [--benchmarks 10] [--unprepared]

import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { DuckDBFloatVector, DuckDBUIntegerVector } from '../data/duckdb/library.ts';
import { binCount, type Part, partFormat, scoreBin } from '../scoring/part.ts';
import { sqlString, withDuckDb } from '../data/duckdb/duckdb.ts';
import { streamChunks } from '../data/duckdb/stream.ts';
import { silent } from '../run/progress.ts';
import { openRun } from '../run/run.ts';
import { publishRanking } from '../ranking/publish.ts';
import { prepareForServer } from '../ranking/order/prepare.ts';
import { sha256File } from '../data/files/hash-files.ts';

const documentsPerPart = 500_000;
const sources = [
  'books',
  'code',
  'encyclopedia',
  'forum',
  'law',
  'medicine',
  'news',
  'papers',
  'science',
  'web',
];

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    documents: { type: 'string', default: '20000000' },
    benchmarks: { type: 'string', default: '10' },
    unprepared: { type: 'boolean' },
  },
});
if (values.out === undefined) throw new Error('Name a folder with --out DIR');
const folder = resolve(values.out);
const documents = Number(values.documents);
const benchmarks = Array.from({ length: Number(values.benchmarks) }, (_, index) => `bench${index}`);

await mkdir(folder, { recursive: true });
await writeFile(
  join(folder, 'betr.yaml'),
  `corpus: {files: ["corpus/*"]}\nbenchmarks:\n${benchmarks
    .map((name) => `  - {name: ${name}, files: ` + `["${name}.jsonl"]}\n`)
    .join('')}`,
);
const run = await openRun(join(folder, 'betr.yaml'));
await mkdir(run.files.scores, { recursive: true });
const parts: Part[] = [];
for (let start = 0; start < documents; start += documentsPerPart)
  parts.push(await writePart(start, Math.min(documents, start + documentsPerPart)));
const ranking = await publishRanking(run, parts, {
  outputs: ['joint', ...benchmarks],
  sha256: 'f'.repeat(64),
});
if (values.unprepared !== true) await prepareForServer(run, ranking, silent);
process.stdout.write(
  `${run.settingsPath}: generation ${ranking.generation}, ${ranking.documents} ` +
    `documents, ${ranking.tokens} tokens, ${ranking.histogram.length} bins\n`,
);
process.exit();

/** One part of documents `from ≤ i < to`. */
async function writePart(from: number, to: number): Promise<Part> {
  const shard = `corpus/shard-${String(from / documentsPerPart).padStart(5, '0')}.parquet`;
  const file = `synthetic-${String(from / documentsPerPart).padStart(5, '0')}.parquet`;
  const path = join(run.files.scores, file);
  return withDuckDb({}, async (connection) => {
    // Four uniform numbers make a bell curve; the hash is DuckDB's own, the same everywhere.
    const uniform = (seed: string): string => `(hash(i, ${seed}) >> 11)::DOUBLE / 9007199254740992`;
    const bell = (seed: number): string =>
      `(${[0, 1, 2, 3].map((k) => uniform(`'${seed}-${k}'`)).join(' + ')} - 2) * 3.4 - 1.5`;
    const own = benchmarks.map((name, index) => `(${bell(index)})::FLOAT AS "score_${name}"`);
    await connection.run(
      `CREATE TABLE part AS SELECT '${shard}' AS shard, (i - ${from})::BIGINT AS "row", 'document-' || ` +
        `lpad(((i * 7919) % ${documents})::VARCHAR, 9, '0') AS document,
         [${sources.map(sqlString).join(', ')}][1 + (hash(i, 'source') % ${sources.length})::INTEGER] ` +
        `AS source, (20 + (exp(4 * ${uniform("'tokens'")}) * 40))::BIGINT AS tokens,
         ${own.join(', ')} FROM range(${from}, ${to}) AS numbers (i)`,
    );
    const best = `greatest(${benchmarks.map((name) => `"score_${name}"`).join(', ')})`;
    await connection.run(
      `COPY (SELECT shard, "row", document, source, tokens, (${best} * 0.8 + ((hash("row", shard) >> ` +
        `11)::DOUBLE / 9007199254740992))::FLOAT AS score, COLUMNS('score_.*') FROM part ORDER BY "row")
       TO ${sqlString(path)} (${partFormat})`,
    );
    const tally = { documents: new Float64Array(binCount), tokens: new Float64Array(binCount), all: 0 };
    let lowest = Infinity;
    let highest = -Infinity;
    for await (const chunk of streamChunks(
      connection,
      `SELECT score, tokens::UINTEGER AS tokens FROM read_parquet(${sqlString(path)})`,
    )) {
      const [scores, tokens] = [chunk.getColumnVector(0), chunk.getColumnVector(1)];
      if (!(scores instanceof DuckDBFloatVector && tokens instanceof DuckDBUIntegerVector))
        throw new Error('unexpected types');
      for (let i = 0; i < chunk.rowCount; i++) {
        const bin = scoreBin(scores.getItem(i) ?? 0);
        const count = tokens.getItem(i) ?? 0;
        tally.documents[bin] = (tally.documents[bin] ?? 0) + 1;
        tally.tokens[bin] = (tally.tokens[bin] ?? 0) + count;
        tally.all += count;
        lowest = Math.min(lowest, scores.getItem(i) ?? 0);
        highest = Math.max(highest, scores.getItem(i) ?? 0);
      }
    }
    const histogram = Array.from(tally.documents, (count, bin): [number, number, number] => [
      bin,
      count,
      tally.tokens[bin] ?? 0,
    ])
      .filter(([, count]) => count > 0)
      .reverse();
    const bySource = await connection.runAndReadAll(
      `SELECT source, count(*)::DOUBLE, sum(tokens)::DOUBLE FROM part GROUP BY source ORDER BY source`,
    );
    return {
      file,
      covers: [
        {
          shard,
          bytes: 1,
          modifiedMs: 1,
          firstRow: 0,
          rows: to - from,
          documents: to - from,
          quarantined: 0,
          endsShard: true,
        },
      ],
      ends: 'chunk',
      scores: [lowest, highest],
      documents: to - from,
      tokens: tally.all,
      estimatedDocuments: 0,
      textBytes: 4 * tally.all,
      quarantined: 0,
      sources: bySource.getRows().map(([source, count, tokens]) => ({
        source: String(source),
        documents: Number(count),
        tokens: Number(tokens),
      })),
      histogram,
      bytes: (await stat(path)).size,
      sha256: await sha256File(path),
      cardSha256: '0'.repeat(64),
    };
  });
}
