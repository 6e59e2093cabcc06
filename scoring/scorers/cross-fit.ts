// `cross-fit:SCORER`: the ranking by which SCORER is measured. Every document is scored by a model that learned from
// the documents of other folds only (docs/method.md).

import { readCard } from '../../classifier/classifier-card.ts';
import { fingerprintFolds, loadFoldScorer } from '../../classifier/fold-scorer.ts';
import { foldFile } from '../../classifier/folds.ts';
import { fail } from '../../run/errors/errors.ts';
import { type Run, rankingOf } from '../../run/run.ts';
import type { ScorerKind } from './kind.ts';

const name = 'cross-fit';

export const crossFitNote =
  'This ranking is for measuring: each document is scored by a model that learned from the other folds.';

/** What the kind needs of the list of scorers, which contains it. */
interface Scorers {
  parse: (scorer: string) => { kind: ScorerKind; argument: string };
  rankingRun: (run: Run, scorer: string) => Run;
}

export function crossFitKind({ parse, rankingRun }: Scorers): ScorerKind {
  return {
    name,
    usage: `${name}:SCORER`,
    takesFile: false,
    async prepare(context) {
      const { main, argument: scorer } = context;
      const { kind, argument } = parse(scorer);
      const run = rankingRun(main, scorer);
      const prepared = await crossFitOf(kind, scorer).prepare({ ...context, run, argument });
      const settings = { ...prepared.settings, scorer: kind.name, ranking: run.ranking };
      return { ...prepared, kind: name, settings };
    },
    predict(context) {
      const { main, argument: scorer } = context;
      const { kind, argument } = parse(scorer);
      return (
        kind.predict?.({ ...context, run: rankingRun(main, scorer), argument }) ?? Promise.resolve(undefined)
      );
    },
    open(run, prepared) {
      const { scorer, ranking } = prepared.settings;
      const { kind } = parse(String(scorer));
      return crossFitOf(kind, kind.name).open(rankingOf(run, String(ranking)), prepared);
    },
  };
}

/** Errors: OPTION_INVALID if the scorer learns nothing from the corpus. */
export function crossFitOf({ crossFit }: ScorerKind, scorer: string): NonNullable<ScorerKind['crossFit']> {
  if (crossFit === undefined)
    throw fail('OPTION_INVALID', {
      option: '--scorer',
      got: `${name}:${scorer}`,
      allowed: `${name}:SCORER, where SCORER learns from documents of the corpus, such as betr, dsir or head:MODEL`,
    });
  return crossFit;
}

/** For scorers whose `prepare` trains the classifier in the folder of their ranking. */
export function crossFitClassifier(prepare: ScorerKind['prepare']): NonNullable<ScorerKind['crossFit']> {
  return {
    async prepare(context) {
      const plain = await prepare(context);
      const { crossFit, features, inputs } = await readCard(context.run);
      return {
        ...plain,
        settings: { bits: features.bits, seed: inputs.settings.seed, folds: crossFit.folds },
        fingerprint: fingerprintFolds(crossFit.weightsSha256, inputs.settings.seed),
        crossFits: plain.fingerprint,
        notes: [crossFitNote, ...plain.notes],
      };
    },
    open(run, { settings }) {
      const [bits, seed, folds] = [settings['bits'], settings['seed'], settings['folds']].map(Number);
      return loadFoldScorer(
        Array.from({ length: folds ?? 0 }, (_, fold) => foldFile(run, fold)),
        { bits: bits ?? 0, seed: seed ?? 0 },
      );
    },
  };
}
