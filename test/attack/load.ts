// Mixed load on a server in a process of its own: several clients ask for everything at once, by more sets of
// benchmarks than are kept, while new generations are published and another process asks for sets of its own.

import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { openRandom } from '../../data/seeded-random.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { removePrepared } from '../../ranking/order/prepare.ts';
import { removeStale } from '../../ranking/remove-stale.ts';
import { retargetRanking } from '../../ranking/order/retarget.ts';
import { makeRows, rankRows, type Row } from '../ranking/synthetic.ts';

export const benchmarks = ['arc', 'boolq', 'csqa', 'drop', 'gsm8k', 'mmlu'];
/** Every set of some of them. */
const sets = Array.from({ length: 2 ** benchmarks.length - 2 }, (_, i) =>
  benchmarks.filter((_name, bit) => ((i + 1) >> bit) % 2 === 1),
);

/**
 * Documents with scores for all benchmarks; those of each generation are in files of their own, as in a real
 * run.
 */
export function makeGeneration(number: number, count = 240): Row[] {
  return makeRows(count).map((row, index) => ({
    ...row,
    shard: row.shard.replace('shard', `generation-${number}`),
    scores: Object.fromEntries(
      benchmarks.map((name, i) => [name, Math.fround(Math.cos((i + 2) * (index + number)))]),
    ),
  }));
}

export interface LoadOptions {
  /** At least; it goes on until all generations are published. */
  seconds: number;
  publications: number;
  clients: number;
  seed: number;
  /** Called every second. */
  eachSecond?: (second: number) => Promise<void> | void;
}

export interface LoadResult {
  answers: number;
  byStatus: Map<number, number>;
  /** Of 5xx, and of connections that broke. */
  failures: string[];
  published: number;
}

/** Puts the server of a run at `url` under load. */
export async function mixLoad(
  run: Run,
  url: string,
  { seconds, publications, clients, seed, eachSecond }: LoadOptions,
): Promise<LoadResult> {
  const result: LoadResult = { answers: 0, byStatus: new Map(), failures: [], published: 0 };
  const endMs = performance.now() + 1000 * seconds;
  const goesOn = (): boolean => performance.now() < endMs || result.published < publications;
  const client = async (number: number): Promise<void> => {
    const random = openRandom(seed + number);
    while (goesOn()) {
      const { path, init } = pickRequest(random, number);
      try {
        const response = await fetch(url + path, init);
        const text = Buffer.from(await response.arrayBuffer()).toString();
        result.answers++;
        result.byStatus.set(response.status, (result.byStatus.get(response.status) ?? 0) + 1);
        if (response.status >= 500) result.failures.push(`${response.status} ${path} ${text}`);
      } catch (error) {
        result.failures.push(`${path} ${String(error)}`);
      }
    }
  };
  const publish = async (): Promise<void> => {
    const kept: Ranking[] = [];
    const random = openRandom(seed);
    for (let number = 1; number <= publications; number++) {
      const ranking = await rankRows(run, makeGeneration(number));
      result.published++;
      kept.unshift(ranking);
      // What no longer counts is removed as `betr rank` does: all but the last two generations.
      kept.splice(2);
      await removeStale(
        run,
        kept.flatMap(({ parts }) => parts),
      );
      await removePrepared(run, kept);
      for (let i = 0; i < 4; i++) await retargetRanking(run, ranking, { benchmarks: pick(random, sets) });
      await setTimeout(Math.max(0, Math.min((1000 * seconds) / publications, endMs - performance.now())));
    }
  };
  const watch = async (): Promise<void> => {
    for (let second = 0; goesOn(); second++) {
      await eachSecond?.(second);
      await setTimeout(1000);
    }
  };
  await Promise.all([publish(), watch(), ...Array.from({ length: clients }, (_, number) => client(number))]);
  return result;
}

function pick<T>(random: () => number, from: readonly T[]): T {
  const value = from[Math.floor(random() * from.length)];
  if (value === undefined) throw new Error('There is nothing to pick from');
  return value;
}

const trials = [1e19, 1e20, 1e21].flatMap((flops, i) =>
  [0.01, 0.03, 0.1, 0.3].map((keep) => ({
    flops,
    keep,
    loss: (Math.log(keep) - Math.log(0.03 * (1 + i / 2))) ** 2,
  })),
);

/** The four selections that may be under way at a time are for the first four clients. */
function pickRequest(random: () => number, client: number): { path: string; init?: RequestInit } {
  const choice = random() < 0.8 ? `&benchmarks=${pick(random, sets).join(',')}` : '';
  const keep = `keep=${(0.01 + 0.9 * random()).toFixed(3)}`;
  const kinds: (() => { path: string; init?: RequestInit })[] = [
    () => ({ path: `/rank?${keep}${choice}` }),
    () => ({ path: `/rank?budget=${(10 ** (18 + 6 * random())).toExponential(3)}${choice}` }),
    () => ({ path: `/composition?${keep}${choice}` }),
    () => ({ path: `/compare?budgets=1e20,1e21&poolTokens=1T${choice}` }),
    () => ({ path: `/histogram?steps=40${choice}` }),
    () => ({ path: `/documents?${keep}${choice}&limit=5` }),
    () => ({ path: '/curve?points=50' }),
    () => ({ path: '/rankings' }),
    () => ({ path: '/healthz' }),
    () => ({ path: '/rank?budget=none' }),
    () => ({
      path: `/calibrations`,
      init: {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ name: `load-${client}`, runs: trials }),
      },
    }),
    ...(client < 4
      ? [
          () => ({
            path: `/selection?${keep}${choice}&format=${pick(random, ['parquet', 'jsonl', 'csv', 'arrow'])}`,
          }),
        ]
      : []),
  ];
  return pick(random, kinds)();
}

/** Memory of a process in bytes; undefined where the system does not tell. */
export async function readRss(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : 1024 * Number(kilobytes);
}
