// What a ranking says while it scores the corpus.

import { readNote } from '../data/duckdb/run-files.ts';
import { sampleNoteSchema } from '../indexer/sample/sample.ts';
import { readTokenRates } from '../indexer/sample/tokens.ts';
import { formatCountOf } from '../run/amounts.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import type { Task } from './tasks.ts';
import type { Listener } from './worker-processes.ts';

/** The estimated bytes of text of tasks. */
export function weigh(tasks: readonly Task[]): number {
  return tasks.reduce((sum, { weight }) => sum + weight, 0);
}

/**
 * Reports the progress on the open tasks: in bytes of text of finished chunks, or, for a slow scorer, in
 * documents, of which `documentBytes` gives about how many there are.
 */
export function openListener(
  open: readonly Task[],
  report: Report,
  documentBytes?: number,
): Required<Listener> {
  const total = weigh(open);
  let [documents, weightDone] = [0, 0];
  const show = (): void => {
    if (documentBytes === undefined)
      report({
        stage: `score (${formatCountOf(documents, 'document')})`,
        done: weightDone,
        total,
        unit: 'bytes',
      });
    else
      report({
        stage: 'score (estimated total)',
        done: documents,
        total: Math.max(documents, Math.round(total / documentBytes)),
        unit: 'documents',
      });
  };
  if (documentBytes !== undefined) show();
  return {
    onProgress(more) {
      documents += more;
      show();
    },
    onChunk({ weight }) {
      weightDone += weight;
      show();
    },
    onWait(chunks) {
      report({ stage: 'wait for chunks of other workers', done: 0, total: chunks, unit: 'chunks' });
    },
  };
}

/**
 * About how many bytes of the tasks a document takes, for the progress of a slow scorer: by the index's count of
 * documents, or else by the length of the measured texts. Errors: STEP_MISSING.
 */
export async function readDocumentBytes(
  run: Run,
  slow: boolean,
  all: readonly Task[],
): Promise<number | undefined> {
  if (!slow) return undefined;
  const counted = (await readNote(run.files.sample, sampleNoteSchema))?.corpus.documents ?? 0;
  if (counted > 0) return weigh(all) / counted;
  const { bytes, documents } = (await readTokenRates(run)).overall;
  return documents === 0 ? undefined : bytes / documents;
}

/** Says that a slow scorer has fewer chunks than workers; nothing otherwise. */
export function describeFewChunks(workers: number | undefined, chunks: number, slow: boolean): string[] {
  return !slow || workers === undefined || workers <= chunks
    ? []
    : [
        `There ${chunks === 1 ? 'was one chunk' : `were ${chunks} chunks`} to score, so ${
          chunks === 1 ? 'only one' : `only ${chunks}`
        } of ${workers} workers had something to do. For smaller chunks, lower scoring.chunkMegabytes in the ` +
          'settings, for example to 0.1.',
      ];
}
