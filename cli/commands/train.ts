// `betr train`: trains the classifier on the sample's scores; with --export-fasttext also writes its
// training file for fastText.

import { resolve } from 'node:path';
import { type Command } from 'commander';
import type { Card } from '../../classifier/classifier-card.ts';
import type { Interval } from '../../data/statistics.ts';
import { paperCommand } from '../../classifier/fasttext/program.ts';
import { readLabeled, writeTrainingFile } from '../../classifier/fasttext/training-file.ts';
import { trainClassifier } from '../../classifier/train.ts';
import type { Run } from '../../run/run.ts';
import { work, stepCommand, type StepOptions } from '../options.ts';
import { formatCount } from '../../run/amounts.ts';
import { formatTable, printResult } from '../output.ts';

interface TrainOptions extends StepOptions {
  exportFasttext?: string;
}

export function trainCommand(): Command {
  return stepCommand('train', "train the classifier on the sample's scores")
    .option(
      '--export-fasttext <file>',
      'also write the training documents as input for "fasttext supervised", to train the paper\'s classifier',
    )
    .action(async ({ exportFasttext, ...options }: TrainOptions) => {
      const { card, exported } = await work(options, async (run, report) => ({
        card: await trainClassifier(run, report),
        exported:
          exportFasttext === undefined ? undefined : await exportTraining(run, resolve(exportFasttext)),
      }));
      printResult(
        options.json,
        exported === undefined ? card : { ...card, exported },
        [describeTraining(card), ...(exported === undefined ? [] : [describeExport(exported)])].join('\n'),
      );
    });
}

interface Exported {
  path: string;
  /** Number of documents per label. */
  hq: number;
  other: number;
  /** The command that trains the paper's classifier on the file. */
  command: string;
}

async function exportTraining(run: Run, path: string): Promise<Exported> {
  const { top, rest } = await writeTrainingFile(run, await readLabeled(run), path);
  return { path, hq: top, other: rest, command: paperCommand(path, path.replace(/(\.\w+)?$/, '')) };
}

function describeExport({ path, hq, other, command }: Exported): string {
  return (
    `Wrote ${formatCount(hq)} documents labeled hq and ${formatCount(other)} labeled other ` +
    `to ${path}. To train the paper's classifier:\n  ${command}`
  );
}

/** The card as text. */
export function describeTraining(card: Card): string {
  const show = ({ value, low, high }: Interval): string =>
    `${value.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
  const at = (fidelity: Card['outputs'][number]['heldOut'], keep: number): string => {
    const kept = fidelity.kept.find((entry) => entry.keep === keep);
    return kept === undefined ? '' : show(kept.precision);
  };
  return [
    `Trained on ${formatCount(card.documents.training)} documents in ${card.training.epochsRun} epochs; ` +
      `cross-fitted fidelity on ${formatCount(card.crossFit.measured)} documents, with 95% intervals:`,
    formatTable([
      ['output', 'ROC-AUC', 'balanced accuracy', 'Spearman', 'precision at 10% kept'],
      ...card.outputs.map(({ name, heldOut }) => [
        name,
        show(heldOut.rocAuc),
        show(heldOut.balancedAccuracy),
        show(heldOut.spearman),
        at(heldOut, 0.1),
      ]),
    ]),
    ...card.notes.map((note) => `Note: ${note}`),
  ].join('\n');
}
