// Speed of measuring the difficulty of preference pairs: 60,000 pairs with 15 log probabilities each, next to DuckDB
// only reading the same columns (the limit), and the Bradley-Terry proxy on the same pairs. With --file, also how much
// planted label noise the proxy finds in a file of pairs: of 10% of the pairs, the sides are swapped.
//   npm run bench:pairs [-- --pairs 60000] [-- --file pairs.jsonl.gz] [--json]

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { parquetSource, sqlName, withDuckDb } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { openRandom } from '../data/seeded-random.ts';
import { compareMeasurements } from '../pairs/agreement.ts';
import { checkSet } from '../pairs/check.ts';
import { measureByBradleyTerry } from '../pairs/measure-bradley-terry.ts';
import { measureByColumns } from '../pairs/measure-columns.ts';
import { openPairs, type PairSet } from '../pairs/set.ts';
import { silent } from '../run/progress.ts';
import { openRun, type Run } from '../run/run.ts';
import { shareFound, swapSides } from '../test/pairs/label-noise.ts';
import { describeMachine, printBenchmark } from './machine.ts';

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '60000' },
    file: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const [models, checkpoints] = [3, 5];

const folder = await mkdtemp(join(tmpdir(), 'betr-bench-pairs-'));
try {
  const speed = await measureSpeed(makePairs(Number(values.pairs)));
  const noise = values.file === undefined ? undefined : await findNoise(values.file);
  printBenchmark(
    { ...speed, ...(noise === undefined ? {} : { noise }), machine: describeMachine() },
    [
      `${speed.pairs} pairs with ${models * checkpoints} log probabilities: ${speed.columnsSeconds} CPU s, ` +
        `${speed.ratioToScan} × DuckDB reading the columns (${speed.scanSeconds} CPU s)`,
      `Bradley-Terry: ${speed.bradleyTerrySeconds} CPU s`,
      ...(noise === undefined
        ? []
        : [
            `${noise.pairs} pairs of ${values.file ?? ''}, 10% swapped, mean of 5 seeds: ${noise.in10} of ` +
              `them in the hardest 10%, ${noise.in20} in the hardest 20%`,
            `Spearman's correlation of two seeds, without swaps: ${noise.reliability ?? 'unknown'}`,
          ]),
    ].join('\n'),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

function makePairs(count: number): object[] {
  const random = openRandom(1);
  const words = (): string =>
    Array.from({ length: 60 }, () => `w${Math.floor(5000 * random() ** 3)}`).join(' ');
  return Array.from({ length: count }, (_, i) => {
    const [chosen, rejected] = [-300 * random(), -300 * random()];
    const difficulty = 60 * random() - 20;
    const logs = Array.from({ length: models * checkpoints }, (__, at) => {
      const name = `m${1 + Math.floor(at / checkpoints)}_c${1 + (at % checkpoints)}`;
      return [
        [`${name}_chosen`, Math.min(0, chosen + difficulty * random())],
        [`${name}_rejected`, Math.min(0, rejected - difficulty * random())],
      ] as const;
    });
    return {
      prompt: `${i} ${words()}`,
      chosen: words(),
      rejected: words(),
      ref_chosen_logps: chosen,
      ref_rejected_logps: rejected,
      ...Object.fromEntries(logs.flat()),
    };
  });
}

async function openSet(name: string, rows: readonly object[]): Promise<{ run: Run; set: PairSet }> {
  const own = join(folder, name);
  await mkdir(own);
  await writeFile(join(own, 'pairs.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const logProbabilities = {
    chosen: 'm{model}_c{checkpoint}_chosen',
    rejected: 'm{model}_c{checkpoint}_rejected',
  };
  await writeFile(
    join(own, 'betr.yaml'),
    JSON.stringify({ run: 'run', pairs: [{ name: 'pairs', files: ['pairs.jsonl'], logProbabilities }] }),
  );
  const run = await openRun(join(own, 'betr.yaml'));
  await checkSet(run, 'pairs', silent);
  return { run, set: await openPairs(run, 'pairs') };
}

/** CPU seconds, which depend little on other load. */
async function secondsOf(work: () => Promise<unknown>, times: number): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}

async function measureSpeed(rows: readonly object[]) {
  const { run, set } = await openSet('speed', rows);
  const sums = set.card.logProbabilities.map((name) => `sum(${sqlName(name)})`).join(', ');
  const scan = await secondsOf(
    () =>
      withDuckDb({}, (connection) =>
        connection.runAndReadAll(`SELECT ${sums} FROM ${parquetSource(set.files.table)}`),
      ),
    3,
  );
  const columns = await secondsOf(() => measureByColumns(run, set, 'last'), 3);
  const bradleyTerry = await secondsOf(() => measureByBradleyTerry(run, set, 1, silent), 1);
  const round = (value: number): number => Number(value.toPrecision(3));
  return {
    pairs: set.card.pairs,
    scanSeconds: round(scan),
    columnsSeconds: round(columns),
    ratioToScan: round(columns / scan),
    bradleyTerrySeconds: round(bradleyTerry),
  };
}

async function findNoise(path: string) {
  const bytes = await readFile(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  const row = z.looseObject({ chosen: z.unknown(), rejected: z.unknown() });
  // What betr takes, so that places in the file are numbers of pairs.
  const rows = text
    .trim()
    .split('\n')
    .map((line) => row.parse(JSON.parse(line)))
    .filter(
      ({ chosen, rejected }) =>
        chosen !== rejected && ![chosen, rejected].some((one) => String(one).trim() === ''),
    );
  const found: [number, number][] = [];
  for (const seed of [1, 2, 3, 4, 5]) {
    const { rows: noisy, swapped } = swapSides(rows, 0.1, seed);
    const { run, set } = await openSet(`noise-${seed}`, noisy);
    if (set.card.pairs !== rows.length)
      throw new Error('the file has rows that are no pairs; remove them first');
    const { difficulties } = await measureByBradleyTerry(run, set, 1, silent);
    const values = await withDuckDb({}, (connection) =>
      queryRows(
        connection,
        `SELECT difficulty FROM ${parquetSource(difficulties)} ORDER BY pair`,
        z.object({ difficulty: z.number().nullable() }),
      ),
    );
    const list = values.map(({ difficulty }) => difficulty);
    found.push([shareFound(list, swapped, 0.1), shareFound(list, swapped, 0.2)]);
  }
  const { run, set } = await openSet('clean', rows);
  const first = await measureByBradleyTerry(run, set, 1, silent);
  const second = await measureByBradleyTerry(run, set, 2, silent);
  const { spearman } = await withDuckDb({}, (connection) => compareMeasurements(connection, first, second));
  const mean = (at: 0 | 1): number =>
    Number((found.reduce((sum, shares) => sum + shares[at], 0) / found.length).toPrecision(3));
  return { pairs: rows.length, in10: mean(0), in20: mean(1), reliability: spearman };
}
