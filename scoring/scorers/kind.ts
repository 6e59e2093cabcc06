// A scorer gives every document of the corpus a score. To add one, write a file here and add a line to
// list.ts; rankings, cutoffs and selections then work with it.

import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { TestTargets } from '../../indexer/index-card.ts';

export interface CorpusScorer {
  /** Fingerprint of what it loaded, if it loads something: detects changes since it was prepared. */
  fingerprint?: string;
  /** Score columns, the joint one first. */
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

/** A prepared scorer: everything a worker needs to open it. Workers get it as JSON. */
export interface PreparedScorer {
  /** Name of the kind that opens it. */
  kind: string;
  /**
   * The user's file that it reads, relative to the settings file, which may have another path on other
   * machines; '' if there is none.
   */
  file: string;
  settings: Record<string, string | number>;
  /** Score columns, the joint one first. */
  outputs: string[];
  /** Changes with everything that a score depends on except the document: 64 hex digits. */
  fingerprint: string;
  /** Notes for users of the ranking. */
  notes: string[];
  /** If it uses the run's targets: forced targets that are test items. */
  testTargets?: TestTargets | undefined;
}

export interface ScorerKind {
  name: string;
  /** Its syntax on the command line. */
  usage: string;
  /** Whether a file or folder, optionally with "#LABEL", follows the name. */
  takesFile: boolean;
  /**
   * Prepares the scorer. `run` has the files of its ranking, `main` those of the index and the examples.
   * `argument` is the text after the name and ":", or ''. `forceJudge` uses a judge that fails its exam.
   */
  prepare: (context: {
    main: Run;
    run: Run;
    argument: string;
    report: Report;
    forceJudge?: boolean;
  }) => Promise<PreparedScorer>;
  /** Opens a scorer that `prepare` of this or another kind prepared, in the run of its ranking. */
  open: (run: Run, prepared: PreparedScorer) => Promise<CorpusScorer>;
}
