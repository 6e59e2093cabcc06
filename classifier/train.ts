// The training step: reads sample.parquet and targets.parquet, writes classifier/weights.bin, the models of the
// folds, and classifier/card.json. Promises: the same files, settings and seed give the same bytes; if none
// changed, nothing is done.

import { basename } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { commitSealedJson } from '../data/files/commit.ts';
import { fail, reasonOf, systemCode } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { mostSingleBenchmarks, readIndexCard, type TestTargets } from '../indexer/index-card.ts';
import { readNote, withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { sampleNoteSchema } from '../indexer/sample/sample.ts';
import { type Bags, openBags, pruneBags } from './bag.ts';
import { type Card, readCard } from './classifier-card.ts';
import { crossFit } from './cross-fit.ts';
import { priorNgrams } from './features.ts';
import { measureFidelity } from './fidelity.ts';
import { foldFile } from './folds.ts';
import { labelDocuments, topShare } from './labels.ts';
import { learnWeights } from './learn.ts';
import { prepareJudged } from './metrics.ts';
import { drawDocuments, splitDocuments } from './held-out.ts';
import { readTargets, readSampleTexts, type Targets } from './targets.ts';
import { writeWeights } from './weights.ts';
import { sha256File } from '../data/files/hash-files.ts';

/** With fewer, the top tenth of a fold is too small to learn from the others. */
const fewestDocuments = 500;
/** More would only narrow the intervals, and take long to resample. */
const mostMeasured = 50_000;

/**
 * Refuses a sample that is too small to learn from, before a model scores it; `advice` says what else helps.
 * Errors: TRAINING_TOO_SMALL.
 */
export async function checkTrainable({ files }: Run, advice = ''): Promise<void> {
  const documents = (await readNote(files.sample, sampleNoteSchema))?.sample.documents;
  if (documents !== undefined && documents < fewestDocuments)
    throw fail('TRAINING_TOO_SMALL', { documents, need: fewestDocuments, isWhole: true, advice });
}

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
  const pruned = pruneBags(bags, split.training, bits, minCount);
  const labels = targets.scores.map((scores, output) =>
    labelDocuments(scores, output === 0 ? targets.included : undefined),
  );
  const learning = { names: targets.names, bits, soft: labels.map(({ soft }) => soft), epochs, seed };
  const { weights, epochsRun, losses } = learnWeights({ ...learning, bags: pruned.bags, split }, report);
  const fitted = crossFit({ ...learning, bags, keys: targets.documents, minCount }, report);
  const measured = drawDocuments(targets.documents, mostMeasured, seed);
  const scores = targets.names.map(() => new Float32Array(measured.length));
  const out = new Float64Array(scores.length);
  for (const [at, document] of measured.entries()) {
    fitted.score(document, out);
    for (const [output, own] of scores.entries()) own[at] = out[output] ?? 0;
  }
  const outputs = targets.names.map((name, output) => {
    report({
      stage: 'train: measure fidelity',
      done: output + 1,
      total: targets.names.length,
      unit: 'outputs',
    });
    const judged = prepareJudged(
      scores[output] ?? new Float32Array(),
      Float64Array.from(measured, (document) => targets.scores[output]?.[document] ?? 0),
      Uint8Array.from(measured, (document) => labels[output]?.top[document] ?? 0),
    );
    return { name, heldOut: measureFidelity(judged, seed) };
  });
  const foldsSha256: string[] = [];
  for (const [fold, model] of fitted.models.entries())
    foldsSha256.push(await writeWeights(foldFile(run, fold), model));
  const card: Card = {
    version: 2,
    outputs,
    features: {
      ngrams: 'words and punctuation marks, first 8 bytes of each, ASCII case ignored; unigrams and bigrams',
      hash: '64-bit multiplicative',
      normalisation: `sum of weights / (n-grams + ${priorNgrams})`,
      bits,
      minCount,
      binsUsed: pruned.binsUsed,
    },
    labels: {
      top: shareIncluded(targets),
      softened: 'cut / (cut + rank share)',
      balance: 'both classes weighted equally',
    },
    training: { method: 'AdaGrad on the logistic loss', seed, epochs, epochsRun, heldOutLosses: losses },
    documents: { training: split.training.length, heldOut: split.heldOut.length, withoutTarget },
    crossFit: {
      folds: fitted.models.length,
      assignment: "seeded hash of the text's n-grams",
      alignment: 'equal mean and standard deviation on the documents that ended training',
      measured: measured.length,
      mostMeasured,
      epochsRun: fitted.epochsRun,
      weightsSha256: foldsSha256,
    },
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
    if (!isDeepStrictEqual(card.inputs, inputs)) return undefined;
    const files = [run.files.weights, ...card.crossFit.weightsSha256.map((_, fold) => foldFile(run, fold))];
    const found = await Promise.all(files.map(sha256File));
    return isDeepStrictEqual(found, [card.weightsSha256, ...card.crossFit.weightsSha256]) ? card : undefined;
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
