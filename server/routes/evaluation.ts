// GET /evaluation: the result of `betr evaluate`, as its report page or as JSON.

import { join } from 'node:path';
import type { Request } from 'express';
import { z } from 'zod';
import { readJson } from '../../data/files/commit.ts';
import { fail, readError, systemCode } from '../../run/errors/errors.ts';
import { readRegular } from '../../run/regular-file.ts';
import type { Run } from '../../run/run.ts';
import { type Evaluation, evaluationSchema } from '../../evaluation/evaluation.ts';
import { evaluationFile, reportFile } from '../../evaluation/report.ts';
import { route } from '../route.ts';

const command = 'betr evaluate';
/** The report has inline styles; nothing else in it may load or run. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const evaluationRoutes = [
  route({
    method: 'get',
    path: '/evaluation',
    summary:
      'Get the result of "betr evaluate": every scorer\'s selections, measured on held-out benchmark examples and ' +
      'held-out text, compared with random selections.',
    access: 'read',
    query: z.strictObject({
      format: z.enum(['html', 'json']).optional().meta({
        description:
          'Format of the answer; default: the one that the Accept header prefers, html if neither.',
      }),
    }),
    reply: { description: 'The evaluation.', schema: evaluationSchema, types: ['text/html'] },
    async answer({ query: { format }, state: { run }, request, response }) {
      response.vary('Accept');
      if ((format ?? preferredFormat(request)) === 'json') return { json: await readEvaluation(run) };
      const text = await readReport(run);
      response.setHeader('Content-Security-Policy', policy);
      return { text, type: 'text/html' };
    },
  }),
];

function preferredFormat(request: Request): 'html' | 'json' {
  return request.accepts(['text/html', 'application/json']) === 'application/json' ? 'json' : 'html';
}

/** Errors: STEP_MISSING, FILE_DAMAGED, FILE_UNREADABLE. */
async function readEvaluation(run: Run): Promise<Evaluation> {
  const evaluation = await readJson(join(run.files.evaluation, evaluationFile), evaluationSchema, command);
  if (evaluation === undefined) throw fail('STEP_MISSING', { need: 'evaluation', command });
  return evaluation;
}

/** Errors: STEP_MISSING, FILE_UNREADABLE. */
async function readReport(run: Run): Promise<string> {
  const path = join(run.files.evaluation, reportFile);
  try {
    return await readRegular(path, 'utf8');
  } catch (error) {
    throw systemCode(error) === 'ENOENT'
      ? fail('STEP_MISSING', { need: 'evaluation', command }, error)
      : readError(error, path);
  }
}
