// POST and GET /calibrations: keep-rate laws from the user's own small runs.

import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { errorFrom, fail, reasonOf } from '../../run/errors/errors.ts';
import {
  calibrationName,
  calibrationSchema,
  saveCalibration,
  listCalibrations,
} from '../../ranking/budget/calibrations.ts';
import {
  calibrationBodySchema,
  calibrationReplySchema,
  type CalibrationTask,
} from '../calibrations/messages.ts';
import { route } from '../route.ts';
import { jsonInSlices } from '../slices.ts';

export const calibrationRoutes = [
  route({
    method: 'post',
    path: '/calibrations',
    summary:
      'Fit a keep-rate law to your own runs (at least 3 rates at each of 3 budgets) and save it under a name, ' +
      'for use as pool=NAME.',
    access: 'jobs',
    query: z.strictObject({
      name: calibrationName.optional().meta({ description: 'The name of the law, if the body is CSV.' }),
    }),
    threadBody: calibrationBodySchema,
    bodyTypes: ['text/csv'],
    bodyLimitBytes: 1 << 20,
    reply: {
      status: 201,
      description: 'The law, with bootstrap intervals and residuals.',
      schema: calibrationSchema,
    },
    heavy: true,
    async answer({ query, bytes, state, request }) {
      const { name, json } = await fitInThread({
        bytes,
        csv: request.is('text/csv') === 'text/csv',
        ...query,
      });
      await saveCalibration(state.run, name, json);
      await state.live.look();
      return { text: json, type: 'application/json' };
    },
  }),
  route({
    method: 'get',
    path: '/calibrations',
    summary: 'List the calibrations of this run.',
    access: 'read',
    reply: {
      description: 'The calibrations, sorted by name.',
      schema: z.strictObject({ calibrations: z.array(calibrationSchema) }),
    },
    heavy: true,
    async answer({ state }) {
      return jsonInSlices('calibrations', await listCalibrations(state.run), {}, 1);
    },
  }),
];

/** Errors: BODY_INVALID, PARAMETER_MISSING, CALIBRATION_REFUSED, and those of `parseTrialsCsv`. */
function fitInThread(task: CalibrationTask): Promise<{ name: string; json: string }> {
  const worker = new Worker(new URL('../calibrations/worker.js', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  return new Promise((resolve, reject) => {
    worker.once('message', (message) => {
      const reply = calibrationReplySchema.parse(message);
      if ('error' in reply) reject(errorFrom(reply.error));
      else resolve(reply);
    });
    worker.once('error', (error) =>
      reject(fail('INTERNAL', { reason: `the thread that fits a law failed: ${reasonOf(error)}` }, error)),
    );
    worker.once('exit', (code) =>
      reject(fail('INTERNAL', { reason: `the thread that fits a law ended: code ${code}` })),
    );
  });
}
