// A worker thread of `scoreCorpus`: takes one shard at a time, writes its parts, reports their cards.

import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { withDuckDb } from '../data/duckdb.ts';
import { errorData } from '../data/errors.ts';
import { openQuarantine } from '../data/quarantine.ts';
import { scoreShard } from './score-shard.ts';
import { loadScorer } from './scorer.ts';
import { jobSchema, type Reply, setupSchema } from './score-messages.ts';

const port = parentPort;
if (port === null) throw new Error('score-worker runs as a worker thread');
const setup = setupSchema.parse(workerData);
const send = (reply: Reply): void => port.postMessage(reply);

// A message for every batch would cost more than it tells.
const bytesPerReport = 8 << 20;

await withDuckDb({ threads: 1, memoryMb: 512, spill: setup.spill }, async (connection) => {
  const scorer = await loadScorer(setup.weights);
  const context = { scorer, scorerFingerprint: setup.scorerFingerprint, rates: setup.rates, fields: setup.fields, folder: setup.folder, connection };
  await new Promise<void>((resolve) => {
    port.on('message', (message: unknown) => {
      const job = jobSchema.parse(message);
      if (job === 'end') {
        port.close();
        resolve();
        return;
      }
      void score(job.shard, job.chunk).then(
        (parts) => send({ kind: 'done', parts }),
        (error: unknown) => send({ kind: 'failed', error: errorData(error) }),
      );
    });

    const score = async (shard: Parameters<typeof scoreShard>[0], chunk: string): ReturnType<typeof scoreShard> => {
      const quarantine = openQuarantine(join(setup.quarantine, `${chunk}.jsonl`));
      let documents = 0;
      let textBytes = 0;
      const parts = await scoreShard(shard, chunk, context, quarantine, (batchDocuments, batchBytes) => {
        documents += batchDocuments;
        textBytes += batchBytes;
        if (textBytes < bytesPerReport) return;
        send({ kind: 'progress', documents, textBytes });
        documents = 0;
        textBytes = 0;
      }).finally(() => quarantine.close());
      send({ kind: 'progress', documents, textBytes });
      return parts;
    };
    send({ kind: 'ready' });
  });
});
