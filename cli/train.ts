// `betr train`: learns the sample's scores from the text alone.

import { type Command } from 'commander';
import type { Card, Interval } from '../classifier/card.ts';
import { trainClassifier } from '../classifier/train.ts';
import { work, stepCommand, type StepOptions } from './common.ts';
import { formatCount, formatTable, printResult } from './output.ts';

export function trainCommand(): Command {
  return stepCommand('train', 'train the classifier on the sample\'s scores').action(async (options: StepOptions) => {
    const card = await work(options, trainClassifier);
    printResult(options.json, card, describeTraining(card));
  });
}

/** The card as a person reads it. */
export function describeTraining(card: Card): string {
  const show = ({ value, low, high }: Interval): string => `${value.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
  const at = (fidelity: Card['outputs'][number]['heldOut'], keep: number): string => {
    const kept = fidelity.kept.find((entry) => entry.keep === keep);
    return kept === undefined ? '' : show(kept.precision);
  };
  return [
    `Trained on ${formatCount(card.documents.training)} documents in ${card.training.epochsRun} passes; on ${formatCount(card.documents.heldOut)} held-out ones, with 95 % intervals:`,
    formatTable([
      ['output', 'ROC-AUC', 'balanced accuracy', 'Spearman', 'precision at 10 % kept'],
      ...card.outputs.map(({ name, heldOut }) => [name, show(heldOut.rocAuc), show(heldOut.balancedAccuracy), show(heldOut.spearman), at(heldOut, 0.1)]),
    ]),
    ...card.notes.map((note) => `Note: ${note}`),
  ].join('\n');
}
