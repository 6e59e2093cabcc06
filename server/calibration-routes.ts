// POST and GET /calibrations: keep-rate laws from the user's own small runs.

import { z } from 'zod';
import { fail } from '../data/errors.ts';
import { trialSchema } from '../ranking/calibrate.ts';
import { calibrate, calibrationName, calibrationSchema, listCalibrations } from '../ranking/calibrations.ts';
import { parseTrialsCsv } from '../ranking/trials.ts';
import { route } from './route.ts';

const bodySchema = z.union([z.strictObject({ name: calibrationName, runs: z.array(trialSchema).max(10_000) }), z.string()]);

export const calibrationRoutes = [
  route({
    method: 'post',
    path: '/calibrations',
    summary: 'Fit a keep-rate law to your own runs (at least 3 rates at 3 budgets), and keep it under a name, to be used as pool=NAME.',
    access: 'jobs',
    query: z.strictObject({ name: calibrationName.optional().meta({ description: 'The name, where the body is CSV.' }) }),
    body: bodySchema,
    bodyTypes: ['text/csv'],
    reply: { status: 201, description: 'The law, with bootstrap intervals and residuals.', schema: calibrationSchema },
    heavy: true,
    async answer({ query, body, state }) {
      const { name = query.name, runs } = typeof body === 'string' ? { runs: parseTrialsCsv(body) } : body;
      if (name === undefined) throw fail('PARAMETER_MISSING', { parameter: 'name', allowed: 'the name of the calibration' });
      const calibration = await calibrate(state.run, name, runs);
      await state.live.look();
      return { json: calibration };
    },
  }),
  route({
    method: 'get',
    path: '/calibrations',
    summary: 'The calibrations of this run.',
    access: 'read',
    reply: { description: 'By name.', schema: z.strictObject({ calibrations: z.array(calibrationSchema) }) },
    async answer({ state }) {
      return { json: { calibrations: await listCalibrations(state.run) } };
    },
  }),
];
