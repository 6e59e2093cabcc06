// How well a judge, and the classifier that learns from it, tell apart documents whose topic is known by
// their source: the area under the curve of the judge on the sample, and of the cross-fitted ranking on the
// whole corpus.
// npm run bench:topics -- --config FILE --judge NAME --for SOURCE,… [--against SOURCE,…] [--json] Before it:
// `betr rank --scorer lm:NAME` and `betr rank --scorer cross-fit:lm:NAME`. Without --against, the other side
// is every other source.

import { parseArgs } from 'node:util';
import { z } from 'zod';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { readRanking } from '../ranking/generation.ts';
import { withScores } from '../ranking/scores.ts';
import { openRun } from '../run/run.ts';
import { areaUnderCurve } from '../scoring/exam/area.ts';
import { rankingRun } from '../scoring/scorers/list.ts';
import { printBenchmark } from './machine.ts';

const { values } = parseArgs({
  options: {
    config: { type: 'string', default: 'betr.yaml' },
    judge: { type: 'string', default: '' },
    for: { type: 'string', default: '' },
    against: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const scored = z.object({ source: z.string(), score: z.number().nullable() });
type Scored = z.output<typeof scored>;

const run = await openRun(values.config);
const [judged, crossFitted] = [`lm:${values.judge}`, `cross-fit:lm:${values.judge}`].map((scorer) =>
  rankingRun(run, scorer),
);
if (judged === undefined || crossFitted === undefined) throw new Error('There are two rankings.');

const ranking = await readRanking(crossFitted);
const { sample, corpus } = await withScores(crossFitted, ranking, async (connection, table) => ({
  sample: await queryRows(
    connection,
    `SELECT source, targets.score AS score FROM ${parquetSource(judged.files.targets)} targets ` +
      `JOIN ${parquetSource(run.files.sample)} sample USING (document)`,
    scored,
  ),
  corpus: await queryRows(connection, `SELECT source, score::DOUBLE AS score FROM ${table}`, scored),
}));

const positive = values.for.split(',');
const against = values.against?.split(',');
const isAgainst = (source: string): boolean =>
  against === undefined ? !positive.includes(source) : against.includes(source);
const scoresOf = (rows: readonly Scored[], isIn: (source: string) => boolean): number[] =>
  rows.flatMap(({ source, score }) => (score !== null && isIn(source) ? [score] : []));
const measure = (rows: readonly Scored[]) => {
  const [better, worse] = [scoresOf(rows, (source) => positive.includes(source)), scoresOf(rows, isAgainst)];
  return {
    for: better.length,
    against: worse.length,
    unknown: rows.filter(({ score }) => score === null).length,
    area: areaUnderCurve(better, worse),
  };
};
const result = { judge: measure(sample), ranking: measure(corpus) };
const describe = (what: string, { for: better, against: worse, area }: ReturnType<typeof measure>): string =>
  `${what.padEnd(44)} ${
    area === null
      ? 'no scores'
      : `${area.value.toFixed(3)} ` + `(${area.low.toFixed(3)}–${area.high.toFixed(3)})`
  }` + `  ${better} against ${worse}`;
printBenchmark(
  result,
  [
    `Area under the curve, ${positive.join(', ')} against ${against?.join(', ') ?? 'all other sources'}`,
    describe('the judge, on the sample', result.judge),
    describe('the cross-fitted ranking, on the corpus', result.ranking),
  ].join('\n'),
);
