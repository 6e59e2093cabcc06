// A scorer gives every document of the corpus a score. To add one, write a file here and add a line to
// list.ts; rankings, cutoffs and selections then work with it.

import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { Cost } from '../cost.ts';
import type { TestTargets } from '../../indexer/index-card.ts';

export interface CorpusScorer {
  /** Fingerprint of what it loaded, if it loads something: detects changes since it was prepared. */
  fingerprint?: string;
  /** Score columns, the joint one first. */
  outputs: string[];
  /** As in `PreparedScorer`. */
  details?: readonly string[] | undefined;
  /**
   * Scores `count` documents: text i is text.subarray(textEnds[i − 1] ?? 0, textEnds[i]), UTF-8, and
   * documents[i] its key; out[i · outputs.length + o] becomes the score of output o, higher is better, finite
   * and never −0. A scorer with `details` gets `notes` and may leave documents without a score. A scorer
   * that returns a promise gets the next batch once it is resolved.
   */
  scoreTexts: (
    text: Uint8Array,
    textEnds: Uint32Array,
    count: number,
    out: Float32Array,
    documents: readonly string[],
    notes?: BatchNotes,
  ) => void | Promise<void>;
  /** Documents so far whose answers a model had given before, so that they cost nothing. */
  countStored?: () => number;
  /** Slow scorers only: scores texts to measure what a document costs. */
  measure?: (texts: readonly string[]) => Promise<Measured>;
  close?: () => Promise<void>;
}

/** What scoring documents took. */
export interface Measured {
  /** Without documents whose answers were already stored. */
  documents: number;
  seconds: number;
  /** Tokens that a model read and wrote. */
  tokens: number;
  /** Price of a million tokens; null if there is none. */
  price: number | null;
}

/** What a scorer with details says about a batch beside its scores. */
export interface BatchNotes {
  /** Why document i has no score: a few words. All its scores in `out` are then NaN. */
  reasons: (string | undefined)[];
  /** details[i · names.length + d] becomes detail d of document i, scored or not; NaN (the default) for none. */
  details: Float32Array;
  /**
   * Called by a scorer that takes long, with the number of documents done. Throws to stop it; the batch is then
   * scored again later.
   */
  progress: (done: number) => void;
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
  /**
   * Only for a scorer that may leave documents without a score: the names of further columns, each with a
   * number or nothing for every document.
   */
  details?: readonly string[] | undefined;
  /**
   * Whether it takes long and uses all cores, or a server, by itself. It then gets small chunks, and one worker
   * unless the user wants more.
   */
  slow?: boolean | undefined;
  /** Changes with everything that a score depends on except the document: 64 hex digits. */
  fingerprint: string;
  /** Notes for users of the ranking. */
  notes: string[];
  /** Those of the notes that may explain documents without a score. */
  answerNotes?: readonly string[] | undefined;
  /** Why the ranking may be worthless. */
  warnings?: readonly string[] | undefined;
  /** If it is cross-fitted: the fingerprint of the scorer that it stands in for. */
  crossFits?: string | undefined;
  /** If it uses the run's targets: forced targets that are test items. */
  testTargets?: TestTargets | undefined;
}

export interface PrepareContext {
  /** The run of the index and the examples, and that of the ranking. */
  main: Run;
  run: Run;
  /** The text after the name and ":", or ''. */
  argument: string;
  report: Report;
  /** Use a judge even if it fails its exam. */
  forceJudge?: boolean | undefined;
}

export interface ScorerKind {
  name: string;
  /** Its syntax on the command line. */
  usage: string;
  /** Whether a file or folder, optionally with "#LABEL", follows the name. */
  takesFile: boolean;
  /** Prepares the scorer. */
  prepare: (context: PrepareContext) => Promise<PreparedScorer>;
  /**
   * If it learns from documents of the corpus: how to prepare and open it cross-fitted (cross-fit.ts). `run` has
   * the files of its plain ranking.
   */
  crossFit?: Pick<ScorerKind, 'prepare' | 'open'>;
  /** Whether its model comes from elsewhere, so that it may have learned from the corpus. */
  isForeign?: boolean;
  /**
   * If preparing it asks a model about the sample: what that would take; undefined if it has been asked.
   */
  predict?: (context: Omit<PrepareContext, 'forceJudge'>) => Promise<Cost | undefined>;
  /** Opens a scorer that `prepare` of this or another kind prepared, in the run of its ranking. */
  open: (run: Run, prepared: PreparedScorer) => Promise<CorpusScorer>;
}
