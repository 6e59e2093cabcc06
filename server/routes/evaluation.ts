// GET /evaluation: what `betr evaluate` found, as its own page or as JSON.

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
/** The report holds its own style, in one element and in attributes; nothing else of it may do anything. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const evaluationRoutes = [
  route({
    method: 'get',
    path: '/evaluation',
    summary:
      "Whether the cut is any good: every scorer's selections on held-out benchmark examples and " +
      'held-out text, beside random ones, as "betr evaluate" measured them.',
    access: 'read',
    query: z.strictObject({
      format: z.enum(['html', 'json']).optional().meta({
        description:
          'A page to be read, or its figures; when left out, what the header Accept asks for, the page before JSON.',
      }),
    }),
    reply: { description: 'The report.', schema: evaluationSchema, types: ['text/html'] },
    async answer({ query: { format }, state: { run }, request, response }) {
      response.vary('Accept');
      if ((format ?? asked(request)) === 'json') return { json: await readEvaluation(run) };
      const text = await readReport(run);
      response.setHeader('Content-Security-Policy', policy);
      return { text, type: 'text/html' };
    },
  }),
];

function asked(request: Request): 'html' | 'json' {
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
