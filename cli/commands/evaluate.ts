// `betr evaluate`: compares every scorer's selections with random ones, and writes a page and JSON.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { defaultScorer } from '../../scoring/scorers/list.ts';
import { commitBytes, commitJson } from '../../data/files/commit.ts';
import { fail } from '../../run/errors/errors.ts';
import { openRun, type Run } from '../../run/run.ts';
import { settingsToShow } from '../../run/settings.ts';
import { readVersion } from '../../run/version.ts';
import { formatCount, formatShare, parseBudget, parseCount, parseShare } from '../../run/amounts.ts';
import { answerBudget } from '../../ranking/budget/answer.ts';
import type { Contestant } from '../../evaluation/contest.ts';
import { openContestants } from '../../evaluation/contestants.ts';
import { evaluateSelections, randomScorer } from '../../evaluation/evaluate.ts';
import {
  describeFitting,
  describeVerdict,
  type EvaluatedSelection,
  type Evaluation,
  listCautions,
} from '../../evaluation/evaluation.ts';
import { evaluationFile, evaluationHtml, reportFile } from '../../evaluation/report.ts';
import { command, type CommonOptions } from '../options.ts';
import { formatTable, openProgress, printResult } from '../output.ts';

interface EvaluateOptions extends CommonOptions {
  budgets?: string;
  keep?: string;
  scorers: string;
  words: string;
  inSample: boolean;
  out?: string;
}

export function evaluateCommand(): Command {
  return command(
    'evaluate',
    'measure selections on held-out benchmark examples (benchmarks[].tests in the settings) and ' +
      'held-out text, compared with random selections of the same size',
  )
    .option('--budgets <list>', 'budgets in FLOPs, such as 1e20,1e21')
    .option('--keep <list>', 'shares of the tokens, instead of budgets (default: 10%)')
    .option(
      '--scorers <list>',
      'scorers to compare; random is always included. Scorers that learn from the corpus are measured by their ' +
        'cross-fitted rankings (cross-fit:NAME). Both are made if missing, which scores the whole corpus; other ' +
        'rankings come from betr rank --scorer',
      `${defaultScorer},${randomScorer}`,
    )
    .option(
      '--in-sample',
      'measure the rankings themselves instead of cross-fitted ones; the report says so',
      false,
    )
    .option('--words <count>', 'words to train each language model on', '1M')
    .option(
      '--out <dir>',
      'folder for report.html and evaluation.json (default: evaluation/ in the run folder)',
    )
    .action(async (options: EvaluateOptions) => {
      const run = await openRun(options.config);
      const shares = readShares(options);
      const trainWords = parseCount('--words', options.words, '1M');
      const out = options.out === undefined ? run.files.evaluation : resolve(options.out);
      const progress = openProgress();
      const evaluate = async (): Promise<Evaluation> => {
        const contestants = await openContestants(
          run,
          listScorers(run, options.scorers),
          options,
          progress.report,
        );
        return evaluateSelections(
          contestants,
          { keeps: await findKeeps(contestants[0], shares), trainWords, seed: run.settings.sample.seed },
          progress.report,
        );
      };
      const evaluation = await evaluate().finally(progress.end);
      await commitBytes(
        join(out, reportFile),
        evaluationHtml(evaluation, { betr: readVersion(), settings: settingsToShow(run.settings) }),
      );
      await commitJson(join(out, evaluationFile), evaluation);
      printResult(options.json, evaluation, describeEvaluation(evaluation, out));
    });
}

/**
 * The listed scorers, with BETR's first if it has a ranking, because that one shows which sources are
 * favored.
 */
function listScorers(run: Run, list: string): string[] {
  const named = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return [
    ...new Set([
      ...(existsSync(run.files.ranking) || named.includes(defaultScorer) ? [defaultScorer] : []),
      ...named,
    ]),
  ];
}

/** The requested shares: given directly, or as the budgets that they are best for. */
type Shares = { keeps: number[] } | { budgets: number[] };

function readShares({ budgets, keep }: EvaluateOptions): Shares {
  if (budgets !== undefined && keep !== undefined)
    throw fail('USAGE', { problem: 'Give --budgets or --keep, not both.' });
  return budgets === undefined
    ? { keeps: (keep ?? '10%').split(',').map((share) => parseShare('--keep', share)) }
    : { budgets: budgets.split(',').map(parseBudget) };
}

async function findKeeps({ run, ranking }: Contestant, shares: Shares): Promise<number[]> {
  const keeps =
    'keeps' in shares
      ? shares.keeps
      : await Promise.all(
          shares.budgets.map(async (budget) => (await answerBudget(run, ranking, { budget })).keep.rate),
        );
  return [...new Set(keeps)].sort((a, b) => a - b);
}

/** The evaluation as text. */
function describeEvaluation(evaluation: Evaluation, out: string): string {
  const { selections, trainWords } = evaluation;
  const gain = ({ gain: { value, low, high } }: EvaluatedSelection['targetMatch']['mean']): string =>
    `${value > 0 ? '+' : ''}${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  const rows = selections.map((selection) => [
    selection.scorer,
    formatShare(selection.keep),
    selection.targetMatch.mean.bitsPerByte.value.toFixed(3),
    gain(selection.targetMatch.mean),
    gain(selection.offTarget.mean),
    describeVerdict(selection),
  ]);
  return [
    `Language models trained on ${formatCount(trainWords)} words of each selection: bits per byte on held-out ` +
      'text, and gain over a random selection of the same share, with 95% intervals:',
    formatTable([['scorer', 'kept', 'target match', 'gain', 'off-target gain', 'verdict'], ...rows]),
    describeFitting(evaluation),
    ...listCautions(evaluation).map((caveat) => `Note: ${caveat}`),
    `Details by benchmark and source: ${join(out, reportFile)} and ${evaluationFile}`,
  ].join('\n');
}
