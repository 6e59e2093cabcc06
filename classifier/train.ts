// The training step: reads sample.parquet and targets.parquet, writes classifier/weights.bin and
// classifier/card.json. Promises: the same files, settings and seed give the same bytes; if none changed,
// nothing is done.

import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { commitSealedJson } from '../data/files/commit.ts';
import { fail, reasonOf, systemCode } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { mostSingleBenchmarks, readIndexCard, type TestTargets } from '../indexer/index-card.ts';
import { withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { type Bags, openBags, pruneBags } from './bag.ts';
import { type Card, readCard } from './classifier-card.ts';
import { priorNgrams } from './features.ts';
import { measureFidelity } from './fidelity.ts';
import { labelDocuments, topShare } from './labels.ts';
import { learnWeights } from './learn.ts';
import { prepareJudged } from './metrics.ts';
import { splitDocuments } from './held-out.ts';
import { readTargets, readSampleTexts, type Targets } from './targets.ts';
import { type Weights, writeWeights } from './weights.ts';
import { sha256File } from '../data/files/hash-files.ts';

/** With fewer, the top tenth of the held-out fifth is too small to measure fidelity. */
const fewestDocuments = 500;

/**
 * Trains the run's classifier and returns its card.
 * Errors: STEP_MISSING, FILE_DAMAGED, TARGETS_INVALID, TRAINING_TOO_SMALL, DISK_FULL, WRITE_FAILED.
 */
export async function trainClassifier(run: Run, report: Report): Promise<Card> {
  const { files, settings } = run;
  const { bits, epochs, minCount, seed } = settings.classifier;
  const inputs: Card['inputs'] = {
    sample: await hashInput(files.sample),
    targets: await hashInput(files.targets),
    settings: settings.classifier,
  };
  const testTargets = await findTestTargets(run, inputs.targets);
  const known = await readKnown(run, inputs);
  if (known !== undefined) return updateTestTargets(run, known, testTargets);

  const { targets, bags, withoutTarget } = await readBags(run, report);
  const split = splitDocuments(targets.documents, seed);
  const binsUsed = pruneBags(bags, split.training, bits, minCount);
  const labels = targets.scores.map((scores, output) =>
    labelDocuments(scores, output === 0 ? targets.included : undefined),
  );
  const { weights, epochsRun, losses } = learnWeights(
    { names: targets.names, bits, bags, soft: labels.map(({ soft }) => soft), split, epochs, seed },
    report,
  );
  const outputs = targets.names.map((name, output) => {
    report({
      stage: 'train: measure fidelity',
      done: output + 1,
      total: targets.names.length,
      unit: 'outputs',
    });
    const judged = prepareJudged(
      Float32Array.from(split.heldOut, (document) => scoreBag(weights, output, bags, document)),
      Float64Array.from(split.heldOut, (document) => targets.scores[output]?.[document] ?? 0),
      Uint8Array.from(split.heldOut, (document) => labels[output]?.top[document] ?? 0),
    );
    return { name, heldOut: measureFidelity(judged, seed) };
  });
  const card: Card = {
    version: 1,
    outputs,
    features: {
      ngrams: 'words and punctuation marks, first 8 bytes of each, ASCII case ignored; unigrams and bigrams',
      hash: '64-bit multiplicative',
      normalisation: `sum of weights / (n-grams + ${priorNgrams})`,
      bits,
      minCount,
      binsUsed,
    },
    labels: {
      top: shareIncluded(targets),
      softened: 'cut / (cut + rank share)',
      balance: 'both classes weighted equally',
    },
    training: { method: 'AdaGrad on the logistic loss', seed, epochs, epochsRun, heldOutLosses: losses },
    documents: { training: split.training.length, heldOut: split.heldOut.length, withoutTarget },
    inputs,
    weightsSha256: await writeWeights(files.weights, weights),
    notes: notesOf(targets, withoutTarget),
    testTargets,
  };
  await commitSealedJson(files.card, card);
  return card;
}

/** The forced test targets of the index that wrote these targets. */
async function findTestTargets(run: Run, targets: string): Promise<TestTargets> {
  return readIndexCard(run).then(
    ({ outputs, testTargets }) => (outputs.targets === targets ? testTargets : []),
    () => [],
  );
}

/** The same targets may have become test items since, or stopped being test items. */
async function updateTestTargets(run: Run, known: Card, testTargets: TestTargets): Promise<Card> {
  if (isDeepStrictEqual(known.testTargets, testTargets)) return known;
  const card = { ...known, testTargets };
  await commitSealedJson(run.files.card, card);
  return card;
}

/** The share of documents in the joint output's positive class. */
function shareIncluded({ included }: Targets): number {
  return included === undefined ? topShare : included.reduce((sum, one) => sum + one, 0) / included.length;
}

async function hashInput(path: string): Promise<string> {
  try {
    return await sha256File(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT')
      throw fail('STEP_MISSING', { need: basename(path), command: 'betr index' }, error);
    throw fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  }
}

/**
 * The card of an earlier training on the same inputs; undefined if there is none or its files are damaged.
 */
async function readKnown(run: Run, inputs: Card['inputs']): Promise<Card | undefined> {
  try {
    const card = await readCard(run);
    const same =
      isDeepStrictEqual(card.inputs, inputs) && (await sha256File(run.files.weights)) === card.weightsSha256;
    return same ? card : undefined;
  } catch {
    return undefined;
  }
}

interface SampleBags {
  targets: Targets;
  bags: Bags;
  withoutTarget: number;
}

async function readBags({ files, settings }: Run, report: Report): Promise<SampleBags> {
  return withSpillingDuckDb(files.spill, async (connection) => {
    const targets = await readTargets(connection, files.targets);
    const total = targets.documents.length;
    if (total < fewestDocuments)
      throw fail('TRAINING_TOO_SMALL', { documents: total, need: fewestDocuments });
    const { bags, add } = openBags(total, settings.classifier.bits);
    let done = 0;
    const withoutTarget = await readSampleTexts(connection, files, targets.documents, (document, text) => {
      add(document, text);
      if (++done % 1000 === 0 || done === total)
        report({ stage: 'train: read the sample', done, total, unit: 'documents' });
    });
    return { targets, bags, withoutTarget };
  });
}

/** The scorer's score, except that a bin counts at most 255 times. */
function scoreBag(
  { outputs, at }: Weights,
  output: number,
  { features, ngrams }: Bags,
  document: number,
): number {
  let sum = 0;
  for (const feature of features[document] ?? []) sum += at(feature & 0xff_ffff, output) * (feature >>> 24);
  const { bias = 0, scale = 0 } = outputs[output] ?? {};
  return bias + (scale * sum) / ((ngrams[document] ?? 0) + priorNgrams);
}

function notesOf({ leftOut }: Targets, withoutTarget: number): string[] {
  return [
    ...(leftOut > 0
      ? [
          `With ${leftOut} benchmarks, only the joint output was trained: at most ${mostSingleBenchmarks} ` +
            'benchmarks can have their own outputs.',
        ]
      : []),
    ...(withoutTarget > 0
      ? [`${withoutTarget} documents of the sample have no target; they were not used.`]
      : []),
  ];
}
