// What a scorer is: something that gives every document of the corpus a score. Adding one is one file here
// and a line in list.ts; from then on it has rankings, cutoffs and selections of its own.

import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { TestTargets } from '../../indexer/index-card.ts';

export interface CorpusScorer {
  /** Of what it has loaded, where it loads something: as it was when it was made ready, or not. */
  fingerprint?: string;
  /** Columns of scores, the joint one first. */
  outputs: string[];
  /**
   * Scores `count` documents: text i is text.subarray(textEnds[i − 1] ?? 0, textEnds[i]), UTF-8, and
   * documents[i] its key; out[i · outputs.length + o] becomes the score of output o, higher is better, finite
   * and never −0.
   */
  scoreTexts: (
    text: Uint8Array,
    textEnds: Uint32Array,
    count: number,
    out: Float32Array,
    documents: readonly string[],
  ) => void;
}

/** A scorer made ready: all that a worker needs to open it. It goes to workers as JSON. */
export interface PreparedScorer {
  /** Name of the kind that opens it. */
  kind: string;
  /**
   * The file that it reads, relative to the settings file, so that machines need not agree on where that
   * lies; '' where it reads none of the user's.
   */
  file: string;
  settings: Record<string, string | number>;
  /** Columns of scores, the joint one first. */
  outputs: string[];
  /** Changes with everything that a score depends on, other than the document itself: 64 hex digits. */
  fingerprint: string;
  /** What somebody who reads the ranking has to know. */
  notes: string[];
  /** Where it is aimed at the run's targets: those that are test items, by force. */
  testTargets?: TestTargets | undefined;
}

export interface ScorerKind {
  name: string;
  /** How it is called on the command line. */
  usage: string;
  /** Whether a file or folder comes after the name, and perhaps "#LABEL" after that. */
  takesFile: boolean;
  /**
   * Makes the scorer ready in the run of its ranking (`run.files` are the ranking's own; `main.files` those
   * of the index and the examples). `argument` is what stands after the name and ":", '' where nothing does.
   */
  prepare: (context: { main: Run; run: Run; argument: string; report: Report }) => Promise<PreparedScorer>;
  /** Opens what `prepare` of this or another kind made ready, in the run of the ranking. */
  open: (run: Run, prepared: PreparedScorer) => Promise<CorpusScorer>;
}
