// A worker thread of `combineScores`: ranks one slice of the documents.

import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { errorData } from '../../run/errors/errors.ts';
import { rankSlice, type Slice } from './combine-slice.ts';

const port = parentPort;
if (port === null) throw new Error('combine-worker must run as a worker thread');
// The thread that started this one made it, so its shape is known.
const slice = z.custom<Slice>((value) => typeof value === 'object' && value !== null).parse(workerData);
try {
  await rankSlice(slice);
  port.postMessage({ done: true });
} catch (error) {
  port.postMessage({ error: errorData(error) });
}
