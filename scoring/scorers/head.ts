// A transformer with a head that classifies or rates texts scores the sample; a classifier learns these
// scores and scores the corpus, as in BETR.

import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { fail } from '../../run/errors/errors.ts';
import { fingerprint } from '../../run/run.ts';
import type { Head } from '../../models/onnx/head.ts';
import { readNote } from '../../data/duckdb/run-files.ts';
import { targetsNoteSchema } from '../../indexer/targets/write-targets.ts';
import { checkTrainable, trainClassifier } from '../../classifier/train.ts';
import { betr } from './betr.ts';
import { crossFitClassifier } from './cross-fit.ts';
import type { ScorerKind } from './kind.ts';
import { chooseLabel, showLabels, splitLabel } from './labels.ts';
import { describeLearned } from './learned.ts';
import { sha256File } from '../../data/files/hash-files.ts';

/** FineWeb-Edu's classifier (arXiv 2406.17557): one number for educational value, about 0 to 5. */
const eduModel = 'HuggingFaceFW/fineweb-edu-classifier';

const prepare: ScorerKind['prepare'] = async ({ main, run, argument, report }) => {
  const { file, label: asked } = splitLabel(argument);
  if (file === '')
    throw fail('OPTION_INVALID', {
      option: '--scorer',
      got: `head:${argument}`,
      allowed: 'head:MODEL or head:MODEL#LABEL, where MODEL is a folder or a model hub name',
    });
  if (!existsSync(main.files.sample))
    throw fail('STEP_MISSING', { need: basename(main.files.sample), command: 'betr index' });
  await checkTrainable(main);
  // Imported here because commands that only read a ranking should not load the transformers library.
  const { openHead } = await import('../../models/onnx/head.ts');
  const { writeHeadTargets } = await import('../../indexer/targets/head.ts');
  const model = await openHead(file, main.settings.embedding, main.settingsFolder, report);
  try {
    const label = chooseLogit(model, asked);
    const from = fingerprint({
      head: model.fingerprint,
      label,
      sample: await sha256File(main.files.sample),
    });
    if ((await readNote(run.files.targets, targetsNoteSchema))?.from !== from)
      await writeHeadTargets(main, model, label, run.files.targets, from, report);
    const card = await trainClassifier(run, report);
    const what =
      model.kind === 'regression' ? 'the scores' : `the probability of "${model.labels[label] ?? ''}"`;
    return {
      kind: betr.name,
      file: '',
      settings: {},
      outputs: card.outputs.map(({ name }) => name),
      fingerprint: card.weightsSha256,
      notes: [...describeLearned(card, `${what} that ${model.name} gives the sample`), ...card.notes],
    };
  } finally {
    await model.close();
  }
};

export const head: ScorerKind = {
  name: 'head',
  usage: 'head:MODEL[#LABEL]',
  takesFile: true,
  prepare,
  crossFit: crossFitClassifier(prepare),
  // The prepared scorer is a classifier, which the kind `betr` opens.
  open: (run, prepared) => betr.open(run, prepared),
};

const prepareEdu: ScorerKind['prepare'] = ({ argument, ...context }) =>
  prepare({ ...context, argument: argument === '' ? eduModel : argument });

export const edu: ScorerKind = {
  ...head,
  name: 'edu',
  usage: 'edu[:MODEL]',
  prepare: prepareEdu,
  crossFit: crossFitClassifier(prepareEdu),
};

/**
 * The index of the logit to use: the only one, the one of the requested label, or the better of two. Errors:
 * HEAD_LABEL.
 */
export function chooseLogit(
  { name, labels, kind }: Pick<Head, 'name' | 'labels' | 'kind'>,
  asked: string,
): number {
  if (asked === '' && labels.length === 1) return 0;
  const found = asked === '' && kind === 'regression' ? undefined : chooseLabel(labels, asked);
  if (found === undefined)
    throw fail('HEAD_LABEL', { model: name, label: asked, labels: showLabels(labels) });
  return found;
}
