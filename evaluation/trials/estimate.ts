// What a trial will take, from a few measured steps.

import { countParameters } from './sizes.ts';
import { sizeOf, trainedTokens, type TrialDesign, vocabularyOf } from './jobs.ts';
import type { PlannedArm, TrialEstimate } from './plan-file.ts';
import type { MeasuredSteps } from './worker.ts';

/** A model is measured without a backward pass, which is two thirds of a training step. */
const shareOfForward = 1 / 3;
/** Of English text, for tokenizers with some thousands of tokens and more. */
const bytesPerToken = 3.5;
/** Weights and the two moments of Adam, in float32. */
const bytesPerParameter = 12;
const byteVocabulary = 257;

/** Hours, compute and disk of all jobs. Text that models are measured on is counted, too. */
export function estimateTrial(
  design: TrialDesign,
  {
    jobs,
    arms,
    evaluationBytes,
    measured,
  }: { jobs: number; arms: readonly PlannedArm[]; evaluationBytes: number; measured: MeasuredSteps },
): TrialEstimate {
  const { tokensPerSecond, peakMemoryMb, flopsPerToken } = measured;
  const perByte = design.tokenizer === 'bytes' ? 1 : 1 / bytesPerToken;
  const readings = new Set([...design.readings, design.tokens]).size;
  const trained = trainedTokens(design);
  const read = readings * evaluationBytes * perByte;
  const vocabulary = design.tokenizer === 'bytes' ? byteVocabulary : vocabularyOf(design.tokenizer);
  const shape = sizeOf(design.model)?.shape;
  const parameters =
    shape === undefined || vocabulary === undefined ? null : countParameters(shape, vocabulary);
  // Every arm has its token file, shared by its jobs; every job keeps a checkpoint.
  const tokenFiles = arms.length * 2 * design.tokens;
  const documents = arms.reduce(
    (sum, { files }) => sum + files.reduce((own, { bytes }) => own + bytes, 0),
    0,
  );
  return {
    tokensPerSecond,
    peakMemoryMb,
    parameters,
    seconds: (jobs * (trained + shareOfForward * read)) / tokensPerSecond,
    flops: jobs * flopsPerToken * (trained + shareOfForward * read),
    diskBytes: tokenFiles + documents + jobs * bytesPerParameter * (parameters?.all ?? 0),
  };
}
