// The benchmarks' held-out items that trained models are measured on, as the worker reads them: a prompt with its
// choices or its answer. Items that are targets of a ranking are left out.

import { join } from 'node:path';
import { keyHash } from '../../data/files/hash.ts';
import { openQuarantine } from '../../data/files/quarantine.ts';
import { type Answered, readAnswers } from '../../indexer/examples/answers.ts';
import { type BenchmarkFiles, listBenchmarks, loadExamples } from '../../indexer/examples/benchmarks.ts';
import { sameness } from '../../indexer/examples/same-text.ts';
import { fail, ifThere } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { stat } from 'node:fs/promises';
import type { TrialEvaluation } from './plan-file.ts';

export interface TrialItems {
  /** Lines of the worker's input. */
  lines: object[];
  /** UTF-8 bytes that a model reads in one measurement: every prompt with each of its choices, every item whole. */
  bytes: number;
  benchmarks: TrialEvaluation['benchmarks'];
  untested: string[];
  /** Names of the test files. */
  files: string[];
}

/**
 * Chooses up to `most` items of every benchmark that has tests, by a seeded hash of the text. Errors: NO_TESTS,
 * NO_EXAMPLES, those of reading the files.
 */
export async function readItems(run: Run, most: number): Promise<TrialItems> {
  const all = await listBenchmarks(run);
  const tested = all.filter(({ tests }) => tests.length > 0);
  if (tested.length === 0) throw fail('NO_TESTS', { path: run.settingsPath });
  const targets = await readTargets(run);
  const found: TrialItems = {
    lines: [],
    bytes: 0,
    benchmarks: [],
    untested: all.filter(({ tests }) => tests.length === 0).map(({ benchmark }) => benchmark.name),
    files: [...new Set(tested.flatMap(({ tests }) => tests.map(({ name }) => name)))],
  };
  const quarantine = openQuarantine(join(run.files.quarantine, 'trial-tests.jsonl'));
  try {
    for (const { benchmark, tests } of tested) {
      const before = quarantine.count;
      const items = await readAnswers(tests, benchmark, quarantine);
      if (items.length === 0)
        throw fail('NO_EXAMPLES', {
          benchmark: `${benchmark.name} (tests)`,
          quarantined: quarantine.count - before,
          reason: 'the files have no usable row',
        });
      add(found, benchmark, items, { targets, most, seed: run.settings.sample.seed });
    }
  } finally {
    await quarantine.close();
  }
  return found;
}

/** The keys of all texts that a ranking was aimed at; none without an index. */
async function readTargets(run: Run): Promise<ReadonlySet<string>> {
  if ((await ifThere(stat(run.files.examples))) === undefined) return new Set();
  return new Set((await loadExamples(run)).map(({ text }) => sameness(text)));
}

function add(
  found: TrialItems,
  { name }: BenchmarkFiles['benchmark'],
  items: readonly Answered[],
  { targets, most, seed }: { targets: ReadonlySet<string>; most: number; seed: number },
): void {
  const byText = new Map(items.map((item) => [sameness(item.text), item]));
  const own = [...byText].filter(([key]) => !targets.has(key)).map(([, item]) => item);
  const divided = own.filter(({ prompt }) => prompt !== '');
  // Whole texts among answers would outweigh them.
  const isDivided = 2 * divided.length >= own.length;
  const chosen = choose(isDivided ? divided : own.map(asWhole), most, seed);
  const chances = chosen.flatMap((item) => ('choices' in item ? [1 / item.choices.length] : []));
  for (const [place, item] of chosen.entries()) {
    const { prompt } = item;
    const answers = 'choices' in item ? item.choices : [item.target];
    for (const answer of answers) found.bytes += Buffer.byteLength(prompt + answer);
    found.bytes += Buffer.byteLength(item.text);
    found.lines.push({
      // Ids of rows may repeat.
      id: `${place}:${item.id}`,
      set: name,
      prompt,
      ...('choices' in item ? { choices: item.choices, answer: item.answer } : { target: item.target }),
    });
  }
  found.benchmarks.push({
    benchmark: name,
    items: chosen.length,
    measure: isDivided ? 'answer' : 'whole',
    chance: chances.length === 0 ? null : chances.reduce((sum, chance) => sum + chance, 0) / chances.length,
    targets: byText.size - own.length,
    undivided: isDivided ? own.length - divided.length : 0,
  });
}

function asWhole({ id, text }: Answered): Answered {
  return { id, text, prompt: '', target: text };
}

function choose(items: readonly Answered[], most: number, seed: number): Answered[] {
  return items
    .map((item) => ({ item, hash: keyHash(item.text, seed) }))
    .sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : a.item.text < b.item.text ? -1 : 1))
    .slice(0, most)
    .map(({ item }) => item);
}
