// Writes input files for the fastText program from the sample and its scores: the documents that the run's
// classifier trains on, with labels, and those that it is measured on. Promises: every document is one line
// with the words that our fastText reader finds in it; bounded memory; the same sample, targets and settings
// give the same bytes.

import { closeSync, openSync, writeSync } from 'node:fs';
import { commitFile } from '../../data/files/commit.ts';
import type { Run } from '../../run/run.ts';
import { withSpillingDuckDb } from '../../data/duckdb/run-files.ts';
import { labelDocuments } from '../labels.ts';
import { openRandom, shuffle } from '../../data/seeded-random.ts';
import { type Split, splitDocuments } from '../held-out.ts';
import { readTargets, readSampleTexts } from '../targets.ts';

/**
 * Labels of the best 10% and of the others. Our fastText scorer uses the first by default.
 */
export const labels = { top: '__label__hq', rest: '__label__other' } as const;

const bytesPerWrite = 1 << 20;

export interface LabeledDocuments extends Split {
  /** Sorted keys; all other fields use their indices. */
  documents: string[];
  /** 1 for the positive class. */
  top: Uint8Array;
  scores: Float64Array;
}

/**
 * The documents of the run's targets, with the labels and the split of `trainClassifier`. Errors:
 * FILE_DAMAGED, TARGETS_INVALID.
 */
export async function readLabeled({ files, settings }: Run): Promise<LabeledDocuments> {
  return withSpillingDuckDb(files.spill, async (connection) => {
    const {
      documents,
      scores: [scores = new Float64Array()],
      included,
    } = await readTargets(connection, files.targets);
    return {
      documents,
      top: labelDocuments(scores, included).top,
      scores,
      ...splitDocuments(documents, settings.classifier.seed),
    };
  });
}

/**
 * Writes the training documents for `fasttext supervised`, in the (random) order of the sample. With one
 * round, the larger class is cut to the size of the smaller, as in the paper (BETR, arXiv 2507.12466, section
 * 3). With more, every round repeats the smaller class with other documents of the larger one. Returns the
 * number of documents of each class in the file. Errors: FILE_DAMAGED, TARGETS_INVALID, DISK_FULL,
 * WRITE_FAILED.
 */
export async function writeTrainingFile(
  run: Run,
  labeled: LabeledDocuments,
  path: string,
  rounds = 1,
): Promise<{ top: number; rest: number }> {
  const { training, top } = labeled;
  const [small = new Uint32Array(), large = new Uint32Array()] = [
    training.filter((document) => top[document] === 1),
    training.filter((document) => top[document] !== 1),
  ].sort((a, b) => a.length - b.length);
  shuffle(large, openRandom(run.settings.classifier.seed));
  const written = { top: 0, rest: 0 };
  await writeFileOfLines(path, async (write) => {
    const most = small.length === 0 ? 0 : Math.ceil(large.length / small.length);
    for (let round = 0; round < Math.min(rounds, most); round++) {
      const chosen = new Set([...small, ...large.subarray(round * small.length, (round + 1) * small.length)]);
      await eachText(run, labeled, (document, line) => {
        if (!chosen.has(document)) return;
        const kind = top[document] === 1 ? 'top' : 'rest';
        written[kind]++;
        write(`${labels[kind]} ${line}`);
      });
    }
  });
  return written;
}

/**
 * Writes the held-out documents, one per line, and returns their indices in the order of the lines. Errors:
 * as `writeTrainingFile`.
 */
export async function writeHeldOut(run: Run, labeled: LabeledDocuments, path: string): Promise<Uint32Array> {
  const heldOut = new Set(labeled.heldOut);
  const order: number[] = [];
  await writeFileOfLines(path, (write) =>
    eachText(run, labeled, (document, line) => {
      if (!heldOut.has(document)) return;
      order.push(document);
      write(line);
    }),
  );
  return Uint32Array.from(order);
}

/**
 * Converts a text to one fastText line. Words are separated by spaces, tabs, line feeds, carriage returns,
 * vertical tabs, form feeds and NULs. Drops "</s>", which ends a line, and everything that looks like a
 * label.
 */
export function fasttextLine(text: string): string {
  return text
    .split(/[ \t\n\r\v\f\0]+/)
    .filter((token) => token !== '' && token !== '</s>' && !token.startsWith('__label__'))
    .join(' ');
}

async function eachText(
  { files }: Run,
  { documents }: LabeledDocuments,
  take: (document: number, line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  await withSpillingDuckDb(files.spill, (connection) =>
    readSampleTexts(connection, files, documents, (document, text) =>
      take(document, fasttextLine(decoder.decode(text))),
    ),
  );
}

async function writeFileOfLines(
  path: string,
  fill: (write: (line: string) => void) => Promise<void>,
): Promise<void> {
  await commitFile(path, async (temporary) => {
    const file = openSync(temporary, 'w');
    let waiting: string[] = [];
    let characters = 0;
    const flush = (): void => {
      for (let bytes: Uint8Array = Buffer.from(waiting.join('')); bytes.length > 0;)
        bytes = bytes.subarray(writeSync(file, bytes));
      waiting = [];
      characters = 0;
    };
    try {
      await fill((line) => {
        waiting.push(line, '\n');
        characters += line.length;
        if (characters >= bytesPerWrite) flush();
      });
      flush();
    } finally {
      closeSync(file);
    }
  });
}
