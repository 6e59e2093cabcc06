// `betr bench`: compares the run's classifier with a peer on the same documents.

import { Argument, type Command } from 'commander';
import { compareWithFasttext, type FasttextComparison } from '../../classifier/fasttext/benchmark.ts';
import { findFasttext } from '../../classifier/fasttext/program.ts';
import { trainClassifier } from '../../classifier/train.ts';
import { stepCommand, type StepOptions, work } from '../options.ts';
import { formatCount } from '../../run/amounts.ts';
import { formatTable, printResult } from '../output.ts';

interface BenchOptions extends StepOptions {
  paperOnly: boolean;
}

export function benchCommand(): Command {
  return stepCommand(
    'bench',
    "train a peer on the run's training documents and compare it with the run's classifier on the held-out ones",
  )
    .addArgument(
      new Argument(
        '<peer>',
        "fasttext: the fastText program, with the paper's settings and with the best of eight others",
      ).choices(['fasttext']),
    )
    .option('--paper-only', "use the paper's settings only, which takes a fraction of the time", false)
    .action(async (_peer: string, options: BenchOptions) => {
      await findFasttext();
      const result = await work(options, async (run, report) => {
        await trainClassifier(run, report);
        return compareWithFasttext(run, { withGrid: !options.paperOnly }, report);
      });
      printResult(options.json, result, describeFasttext(result));
    });
}

/** The comparison as text. */
export function describeFasttext({ documents, ours, fasttext, fasttextPaper }: FasttextComparison): string {
  const theirs = (name: string, { auc, mbPerSecond, seconds, settings }: typeof fasttextPaper): string[] => [
    name,
    auc.toFixed(4),
    `${mbPerSecond.toFixed(1)} MB/s`,
    `trained in ${seconds.toFixed(1)} s: ${settings}`,
  ];
  return [
    `${formatCount(documents.training)} training documents, ${formatCount(documents.heldOut)} held out`,
    formatTable([
      ['classifier', 'ROC-AUC', 'scores', ''],
      ['betr', ours.auc.toFixed(4), `${ours.mbPerSecond.toFixed(1)} MB/s`, ''],
      ...(fasttext === null ? [] : [theirs('fastText, best of eight', fasttext)]),
      theirs("fastText, the paper's", fasttextPaper),
    ]),
  ].join('\n');
}
