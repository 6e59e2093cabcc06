// A worker thread that reads the trials of one request and fits a law to them. Many trials take seconds,
// during which the server must answer other requests.

import { parentPort, workerData } from 'node:worker_threads';
import { errorData, fail } from '../../run/errors/errors.ts';
import type { Trial } from '../../ranking/budget/calibrate.ts';
import { fitCalibration } from '../../ranking/budget/calibrations.ts';
import { parseTrialsCsv } from '../../ranking/budget/trial-table.ts';
import { decodeBody, parseBody } from '../../run/body.ts';
import { type CalibrationReply, calibrationBodySchema, calibrationTaskSchema } from './messages.ts';

const port = parentPort;
if (port === null) throw new Error('calibration-worker runs as a worker thread');
const { bytes, csv, name: asked } = calibrationTaskSchema.parse(workerData);

async function calibrate(): Promise<CalibrationReply> {
  const { name = asked, runs }: { name?: string | undefined; runs: Trial[] } = csv
    ? { runs: parseTrialsCsv(decodeBody(bytes)) }
    : parseBody(calibrationBodySchema, bytes);
  if (name === undefined)
    throw fail('PARAMETER_MISSING', { parameter: 'name', allowed: 'the name of the calibration' });
  const json = JSON.stringify(await fitCalibration(name, runs), null, 1);
  return { name, json };
}

calibrate().then(
  (reply) => port.postMessage(reply),
  (error: unknown) => port.postMessage({ error: errorData(error) } satisfies CalibrationReply),
);
