// BETR: the classifier trained on the sample's targets. The default scorer.

import { readCard } from '../../classifier/classifier-card.ts';
import { loadScorer } from '../../classifier/scorer.ts';
import { crossFitClassifier } from './cross-fit.ts';
import type { ScorerKind } from './kind.ts';

const prepare: ScorerKind['prepare'] = async ({ run }) => {
  const card = await readCard(run);
  return {
    kind: 'betr',
    file: '',
    settings: {},
    outputs: card.outputs.map(({ name }) => name),
    fingerprint: card.weightsSha256,
    notes: card.notes,
    testTargets: card.testTargets,
  };
};

export const betr: ScorerKind = {
  name: 'betr',
  usage: 'betr',
  takesFile: false,
  prepare,
  crossFit: crossFitClassifier(prepare),
  open: ({ files }) => loadScorer(files.weights),
};
