// The result of `betr demo`.

import type { Card } from '../../classifier/classifier-card.ts';
import type { DemoCorpus } from './corpus.ts';
import type { IndexResult } from '../../indexer/index.ts';
import type { Favored } from '../../ranking/favored-sources.ts';
import type { RankResult } from '../../ranking/rank.ts';
import type { SelectionManifest } from '../../ranking/selection/manifest.ts';
import type { Answer } from '../../ranking/budget/question.ts';

export interface Demo {
  folder: string;
  corpus: DemoCorpus;
  index: IndexResult;
  classifier: Card;
  rank: RankResult;
  /** For each budget: the answer with the corpus as the whole pool, and as a sample of a large one. */
  answers: { budget: number; corpus: Answer; pool: Answer }[];
  /** The sources of each output's best `share` of the tokens. */
  favoured: { share: number; outputs: Favored[] };
  selection: SelectionManifest;
  files: {
    settings: string;
    corpus: string;
    benchmarks: string;
    licences: string;
    run: string;
    selection: string;
    figure: string;
  };
  seconds: {
    prepare: number;
    index: number;
    train: number;
    rank: number;
    answer: number;
    total: number;
    cpu: number;
  };
}
