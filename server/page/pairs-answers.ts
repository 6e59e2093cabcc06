// The parts of the server's answers that the panel of preference pairs reads, as in answers.ts.

/** GET /pairs: as in the settings. */
export interface PairSets {
  sets: readonly PairSetListed[];
}

export interface PairSetListed {
  name: string;
  /** Null if the set has not been read. */
  pairs: number | null;
  measurements: readonly ListedMeasurement[];
  problem: string | null;
}

export interface ListedMeasurement {
  name: string;
  method: string | null;
  proxy: boolean | null;
  known: number | null;
  unknown: number | null;
  check: { with: string; pairs: number; spearman: number | null } | null;
  problem: string | null;
}

/** GET /pairs/{name}/histogram: equal steps of difficulty; the last one has all that are harder. */
export interface PairHistogram {
  from: number;
  to: number;
  /** The most pairs first; `others` sums the rest. */
  sources: readonly { source: string | null; others: boolean; pairs: number; steps: readonly number[] }[];
  /** Difficulties up to which 0, 1/200, 2/200, … of the pairs go. */
  quantiles: readonly number[];
}

/** GET /pairs/{name} */
export interface KeepAnswer {
  keep: number;
  from: 'keep' | 'argilla' | 'runs' | 'max-loss';
  why: string;
  pairs: { all: number; known: number; kept: number };
  /** The largest difficulty that is kept. */
  threshold: number | null;
  groups: readonly {
    by: 'source' | 'category' | 'language';
    groups: readonly {
      group: string | null;
      pairs: number;
      known: number;
      kept: number;
      lost: number | null;
    }[];
    more: number;
  }[];
  caveats: readonly string[];
}

/** GET /pairs/{name}/rows: the last that are kept, the last one first, and the first that are dropped. */
export interface NearCut {
  answer: KeepAnswer;
  kept: readonly ShownPair[];
  dropped: readonly ShownPair[];
}

export interface ShownText {
  text: string;
  /** UTF-16 units of the whole text. */
  characters: number;
}

export interface ShownPair {
  id: string;
  source: string | null;
  category: string | null;
  language: string | null;
  difficulty: number | null;
  scoreChosen: number | null;
  scoreRejected: number | null;
  prompt: ShownText;
  chosen: ShownText;
  rejected: ShownText;
}

/** GET /pairs/{name}/why */
export interface WhyPair {
  /** Among all pairs, then in its source, category and language. */
  places: readonly {
    by: string | null;
    group: string | null;
    known: number;
    /** Share that is easier. */
    easier: number;
    low: number;
    median: number;
    high: number;
  }[];
  values: readonly { model: string; checkpoint: number | null; margin: number; loss: number }[];
  moreValues: number;
  reasons: readonly string[];
}
