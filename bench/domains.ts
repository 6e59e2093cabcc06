// Speed and memory of domain weighting: 100 models × 1,000,000 domains from Parquet on two cores, with intervals,
// families and held-out prediction. Also the closed forms next to a simple pairwise computation in NumPy on 10,000
// domains, both on arrays in memory and one thread, best of three.
//   npm run bench:domains [-- --models 100 --domains 1000000 --estimator spearman --json]

import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../data/duckdb/duckdb.ts';
import { domainSettingsSchema } from '../run/domain-settings.ts';
import { estimateDraws, leaveOut } from '../domains/draws.ts';
import { type Estimator, prepareDraw } from '../domains/estimate.ts';
import { openSorted } from '../domains/sorted.ts';
import { describeMachine, hasProgram, printBenchmark } from './machine.ts';

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: '100' },
    domains: { type: 'string', default: '1000000' },
    estimator: { type: 'string', default: 'spearman' },
    json: { type: 'boolean' },
  },
});
const models = Number(values.models);
const domains = Number(values.domains);
const fewDomains = 10_000;
const measured = z.object({
  seconds: z.number(),
  cpuSeconds: z.number(),
  memoryMb: z.number(),
  domains: z.number(),
  resamples: z.number(),
});
const timed = z.object({ seconds: z.number(), estimates: z.array(z.number()) });
const repeats = 3;

const errors = Array.from(
  { length: models },
  (_, model) => 0.2 + ((model * 37) % models) / models / 4 + (0.4 * model) / models,
);
const folder = await mkdtemp(join(tmpdir(), 'betr-bench-domains-'));
try {
  const names = Array.from({ length: models }, (_, model) => `lab${model % 30}/model-${model}`);
  await writeFile(join(folder, 'errors.csv'), `benchmark,${names.join(',')}\ntask,${errors.join(',')}\n`);
  await writeTables(domains, 'many');
  await writeTables(fewDomains, 'few');
  const many = measure({
    losses: 'many.parquet',
    tokens: 'many-tokens.parquet',
    estimator: values.estimator,
  });
  const matrix = await readMatrix();
  const pairs = await timePairs(matrix);
  const compared = Object.entries(pairs.times).map(([name, pairwise]) => {
    const closed = timeClosed(matrix, domainSettingsSchema.shape.estimator.parse(name));
    if (
      !closed.estimates.every(
        (estimate, domain) => Math.abs(estimate - (pairwise.estimates[domain] ?? Number.NaN)) < 1e-9,
      )
    )
      throw new Error(`${name}: the pairwise computation comes to other estimates`);
    return {
      estimator: name,
      pairwiseSeconds: pairwise.seconds,
      closedSeconds: closed.seconds,
      ratio: pairwise.seconds / closed.seconds,
    };
  });
  const result = { models, many, fewDomains, numpy: pairs.version, compared, machine: describeMachine() };
  const speed = (seconds: number, count: number): string =>
    `${Math.round(count / seconds).toLocaleString('en')} domains/s`;
  printBenchmark(
    result,
    [
      `${models} models × ${domains.toLocaleString('en')} ` +
        `domains, ${values.estimator}, ${many.resamples} resamples: ${many.seconds.toFixed(1)} s ` +
        `(${many.cpuSeconds.toFixed(1)} s of CPU time), ${Math.round(many.memoryMb)} MB at most`,
      `${models} models × ${fewDomains.toLocaleString('en')} domains, closed form against pairs in ` +
        `NumPy ${pairs.version}:`,
      ...compared.map(
        ({ estimator, closedSeconds, pairwiseSeconds, ratio }) =>
          `  ${estimator.padEnd(9)} ${speed(closedSeconds, fewDomains).padStart(20)} ` +
          `against ${speed(pairwiseSeconds, fewDomains).padStart(18)}: ${ratio.toFixed(1)} ×`,
      ),
    ].join('\n'),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit();

/**
 * NAME.parquet, wide: losses that fall with the model's ability, and chance from a hash; NAME-tokens.parquet.
 */
async function writeTables(count: number, name: string): Promise<void> {
  const columns = Array.from(
    { length: models },
    (_, model) =>
      `${2 - model / models} + 0.3 * (hash(i, ${model}) % 1000003) / 1000003 + 0.2 * (i % 17) / 17 AS ` +
      `"lab${model % 30}/model-${model}"`,
  );
  await withDuckDb({ memoryMb: 2048, spill: folder }, async (connection) => {
    await connection.run(
      `COPY (SELECT 'domain-' || i AS domain, ${columns.join(', ')} FROM range(${count}) AS r (i)) ` +
        `TO ${sqlString(join(folder, `${name}.parquet`))} (FORMAT parquet, ROW_GROUP_SIZE 20480)`,
    );
    await connection.run(
      `COPY (SELECT 'domain-' || i AS domain, 1000 + i % 7919 AS tokens FROM range(${count}) AS r (i)) ` +
        `TO ${sqlString(join(folder, `${name}-tokens.parquet`))} (FORMAT parquet)`,
    );
  });
}

function measure(settings: Record<string, unknown>): z.output<typeof measured> {
  const script = join(import.meta.dirname, 'domains-one.js');
  const args = [script, JSON.stringify({ errors: 'errors.csv', ...settings })];
  const pinned = hasProgram('taskset');
  const { status, stdout, stderr } = spawnSync(
    pinned ? 'taskset' : process.execPath,
    pinned ? ['-c', '0,1', process.execPath, ...args] : args,
    { encoding: 'utf8', cwd: folder },
  );
  if (status !== 0) throw new Error(stderr);
  return measured.parse(JSON.parse(stdout));
}

/** The estimates of the few domains as the product computes them. */
function timeClosed(matrix: Float64Array, estimator: Estimator): z.output<typeof timed> {
  const estimates = new Float64Array(fewDomains);
  const sorted = openSorted(models);
  const drawn = new Float64Array(1);
  const runs = Array.from({ length: repeats }, () => {
    const startedMs = performance.now();
    const draws = [prepareDraw(estimator, 'mid', Float64Array.from(errors), leaveOut(models, []))];
    for (let domain = 0; domain < fewDomains; domain++) {
      for (let model = 0; model < models; model++)
        sorted.values[model] = matrix[model * fewDomains + domain] ?? 0;
      estimateDraws(estimator, 'mid', sorted, draws, drawn);
      estimates[domain] = drawn[0] ?? Number.NaN;
    }
    return (performance.now() - startedMs) / 1000;
  });
  return { seconds: Math.min(...runs), estimates: [...estimates.subarray(0, 10)] };
}

/**
 * The pair sums over whole rows of domains, as one writes them first in NumPy; ranks by counting, equal ones
 * by half.
 */
async function timePairs(
  matrix: Float64Array,
): Promise<{ version: string; times: Record<string, z.output<typeof timed>> }> {
  const raw = join(folder, 'few.f64');
  await writeFile(raw, matrix);
  const program = `
import json, time, numpy as np
X = np.fromfile(${JSON.stringify(raw)}).reshape(${models}, ${fewDomains})
y = np.array(${JSON.stringify(errors)})
n = len(y)
def pairs(X, of):
    total = np.zeros(X.shape[1])
    for k in range(n):
        for l in range(k + 1, n):
            total += np.sign(y[l] - y[k]) * of(X[l] - X[k])
    return 2 * total / (n * (n - 1))
def ranks(X):
    r = np.ones(X.shape)
    for k in range(n):
        for l in range(n):
            if l != k:
                r[k] += (X[l] < X[k]) + 0.5 * (X[l] == X[k])
    return r
ways = {
    "sign": lambda: pairs(X, lambda d: d),
    "sign_cdf": lambda: pairs(ranks(X) / n, lambda d: d),
    "sign_sign": lambda: pairs(X, np.sign),
    "spearman": lambda: 1 - 6 * ((ranks(X) - ranks(y[:, None])) ** 2).sum(axis=0) / (n * (n * n - 1)),
}
times = {}
for name, way in ways.items():
    seconds = []
    for _ in range(${repeats}):
        start = time.perf_counter()
        estimates = way()
        seconds.append(time.perf_counter() - start)
    times[name] = {"seconds": min(seconds), "estimates": estimates[:10].tolist()}
print(json.dumps({"version": np.__version__, "times": times}))`;
  const { status, stdout, stderr, error } = spawnSync('python3', ['-c', program], { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(
      `This benchmark needs python3 with NumPy (apt-get install python3-numpy): ${error?.message ?? stderr}`,
    );
  return z.object({ version: z.string(), times: z.record(z.string(), timed) }).parse(JSON.parse(stdout));
}

/** Model after model, the losses on the few domains. */
async function readMatrix(): Promise<Float64Array> {
  return withDuckDb({ threads: 1 }, async (connection) => {
    const reader = await connection.runAndReadAll(
      `SELECT * EXCLUDE (domain) FROM read_parquet(${sqlString(join(folder, 'few.parquet'))})`,
    );
    return Float64Array.from(z.array(z.array(z.number())).parse(reader.getColumns()).flat());
  });
}
