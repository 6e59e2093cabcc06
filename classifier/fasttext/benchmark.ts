// Compares our classifier with fastText on the same documents, labels and split: held-out ROC-AUC and scoring
// speed, each on one thread. The held-out documents are a fold, which our model of that fold did not see. fastText
// runs with the paper's settings and with the best of a small grid, because the paper's settings undertrain on
// small samples. The grid is selected on the held-out ROC-AUC itself, which favors fastText.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { withSpillingDuckDb } from '../../data/duckdb/run-files.ts';
import { foldFile, openFolds, splitFolds } from '../folds.ts';
import { prepareJudged, rocAuc } from '../metrics.ts';
import { loadScorer, type Scorer } from '../scorer.ts';
import { readSampleTexts } from '../targets.ts';
import { callFasttext, paperSettings, trainingArguments, type TrainingSettings } from './program.ts';
import {
  labels,
  type LabeledDocuments,
  readLabeled,
  writeHeldOut,
  writeTrainingFile,
} from './training-file.ts';

/**
 * How classes are balanced: by dropping negatives, as in the paper ('once'), or by repeating the positives
 * ('repeated').
 */
type Contender = TrainingSettings & { positives: 'once' | 'repeated' };

const paper: Contender = { ...paperSettings, positives: 'once' };
const grid: readonly Contender[] = [
  ...[0.1, 0.5, 1].flatMap((lr) =>
    [5, 25].map((epoch) => ({ lr, dim: 16, epoch, minCount: 1, positives: 'once' }) as const),
  ),
  ...[0.1, 0.5].map((lr) => ({ lr, dim: 16, epoch: 5, minCount: 1, positives: 'repeated' }) as const),
];

export interface FasttextMetrics {
  /** Held-out ROC-AUC of the positive class. */
  auc: number;
  /** Training time on one thread. */
  seconds: number;
  /** Scoring speed on the held-out texts, without loading the model. */
  mbPerSecond: number;
  settings: string;
}

export interface FasttextComparison {
  documents: { training: number; heldOut: number };
  ours: { auc: number; mbPerSecond: number };
  /** The best of the grid; null if it was not requested. */
  fasttext: FasttextMetrics | null;
  fasttextPaper: FasttextMetrics;
}

/** The fold to measure on. */
const fold = 0;

/**
 * Compares the run's classifier with fastText, with the paper's settings and (`withGrid`) others. The caller
 * must have the run's lock. Errors: PROGRAM_MISSING, PROGRAM_FAILED, STEP_MISSING, FILE_DAMAGED,
 * TARGETS_INVALID, DISK_FULL, WRITE_FAILED.
 */
export async function compareWithFasttext(
  run: Run,
  { withGrid }: { withGrid: boolean },
  report: Report,
): Promise<FasttextComparison> {
  // The name is fixed, so that the next call removes what a killed process left.
  const folder = run.files.fasttextBench;
  await rm(folder, { recursive: true, force: true });
  try {
    const scorer = await loadScorer(foldFile(run, fold));
    const { labeled, scores } = await readFold(run, scorer);
    const files = {
      once: join(folder, 'once.txt'),
      repeated: join(folder, 'repeated.txt'),
      heldOut: join(folder, 'held-out.txt'),
      nothing: join(folder, 'nothing.txt'),
      model: join(folder, 'model'),
    };
    const heldOut = await writeHeldOut(run, labeled, files.heldOut);
    await writeFile(files.nothing, '\n');
    await writeTrainingFile(run, labeled, files.once);
    if (withGrid) await writeTrainingFile(run, labeled, files.repeated, Infinity);
    const trials: FasttextMetrics[] = [];
    const contenders = [paper, ...(withGrid ? grid : [])];
    for (const contender of contenders) {
      report({
        stage: 'train and measure fastText',
        done: trials.length,
        total: contenders.length,
        unit: 'models',
      });
      trials.push(await measure(contender, labeled, heldOut, files));
    }
    const [fasttextPaper = trials.reduce(better), ...others] = trials;
    return {
      documents: { training: labeled.training.length, heldOut: heldOut.length },
      ours: {
        auc: aucOf(
          Array.from(heldOut, (document) => scores[document] ?? 0),
          labeled,
          heldOut,
        ),
        mbPerSecond: await measureSpeed(scorer, heldOut.length, files.heldOut),
      },
      fasttext: others.length === 0 ? null : others.reduce(better),
      fasttextPaper,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function better(one: FasttextMetrics, other: FasttextMetrics): FasttextMetrics {
  return other.auc > one.auc ? other : one;
}

type Files = Record<'once' | 'repeated' | 'heldOut' | 'nothing' | 'model', string>;

/** Trains fastText (one thread, for reproducible results) and measures it on the held-out documents. */
async function measure(
  { positives, ...settings }: Contender,
  labeled: LabeledDocuments,
  heldOut: Uint32Array,
  files: Files,
): Promise<FasttextMetrics> {
  const training = await timed(() =>
    callFasttext([...trainingArguments(files[positives], files.model, settings), '-thread', '1']),
  );
  const predict = (texts: string): Promise<{ result: string; seconds: number }> =>
    timed(() => callFasttext(['predict-prob', `${files.model}.bin`, texts, '2']));
  const loading = await predict(files.nothing);
  const { result, seconds } = await predict(files.heldOut);
  const { lr, dim, epoch, minCount } = settings;
  return {
    auc: aucOf(readLogits(result, heldOut.length), labeled, heldOut),
    seconds: training.seconds,
    mbPerSecond: (await readFile(files.heldOut)).length / 1e6 / Math.max(1e-3, seconds - loading.seconds),
    settings: `lr ${lr}, dim ${dim}, ${epoch} epochs, minCount ${minCount}, positives ${positives}`,
  };
}

/** The documents of the fold and those that its model trained on; the model's scores of the former, by document. */
async function readFold(
  run: Run,
  scorer: Scorer,
): Promise<{ labeled: LabeledDocuments; scores: Float32Array }> {
  const labeled = await readLabeled(run);
  const { documents } = labeled;
  const { bits, seed } = run.settings.classifier;
  const foldOfText = openFolds(bits, seed);
  const folds = new Uint8Array(documents.length);
  const scores = new Float32Array(documents.length);
  const out = new Float32Array(scorer.outputs.length);
  await withSpillingDuckDb(run.files.spill, (connection) =>
    readSampleTexts(connection, run.files, documents, (document, text) => {
      folds[document] = foldOfText(text, 0, text.length);
      if (folds[document] !== fold) return;
      scorer.scoreTexts(text, Uint32Array.of(text.length), 1, out);
      scores[document] = out[0] ?? 0;
    }),
  );
  return {
    labeled: {
      ...labeled,
      training: splitFolds(folds, documents, seed)[fold]?.training ?? new Uint32Array(),
      heldOut: Uint32Array.from(folds.keys()).filter((document) => folds[document] === fold),
    },
    scores,
  };
}

/** MB/s on the lines of a file. */
async function measureSpeed(scorer: Scorer, count: number, path: string): Promise<number> {
  const text = await readFile(path);
  const ends = new Uint32Array(count);
  for (let i = 0, at = 0; i < count; i++) at = ends[i] = text.indexOf(0x0a, at) + 1;
  const { seconds } = await timed(() =>
    scorer.scoreTexts(text, ends, count, new Float32Array(count * scorer.outputs.length)),
  );
  return text.length / 1e6 / seconds;
}

/** ROC-AUC of the held-out documents' scores. */
function aucOf(scores: ArrayLike<number>, labeled: LabeledDocuments, heldOut: Uint32Array): number {
  const judged = prepareJudged(
    Float32Array.from(scores),
    Float64Array.from(heldOut, (document) => labeled.scores[document] ?? 0),
    Uint8Array.from(heldOut, (document) => labeled.top[document] ?? 0),
  );
  return rocAuc(judged, new Uint32Array(heldOut.length).fill(1));
}

/** The logits in the program's output, one line per document. */
function readLogits(result: string, documents: number): number[] {
  const lines = result.split('\n');
  return Array.from({ length: documents }, (_, line) => logitOf(lines[line] ?? ''));
}

/**
 * The logit of the positive class in a line "__label__a 0.9 __label__b 0.1". Near 1, the other class's
 * probability is more precise.
 */
function logitOf(line: string): number {
  const fields = line.split(' ');
  const probability = (label: string): number => Number(fields[fields.indexOf(label) + 1]) || 1e-9;
  return Math.log(probability(labels.top) / probability(labels.rest));
}

async function timed<T>(work: () => T | Promise<T>): Promise<{ result: T; seconds: number }> {
  const startedMs = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - startedMs) / 1000 };
}
