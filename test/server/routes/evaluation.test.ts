import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { commitBytes, commitJson } from '../../../data/files/commit.ts';
import type { Evaluation } from '../../../evaluation/evaluation.ts';
import { evaluationFile, evaluationHtml, reportFile } from '../../../evaluation/report.ts';
import { makeEvaluation } from '../made-evaluation.ts';
import { withServer } from '../serve.ts';

describe('GET /evaluation', () => {
  it('is the report of betr evaluate, as a page that can do nothing but be read, and as JSON', async () => {
    await withServer(async ({ ask, run }) => {
      for (const path of ['/evaluation', '/evaluation?format=json']) {
        expect(await ask(path)).toMatchObject({
          status: 409,
          json: { code: 'STEP_MISSING', detail: 'There is no evaluation yet. Run "betr evaluate" first.' },
        });
      }
      const evaluation: Evaluation = makeEvaluation();
      const report = evaluationHtml(evaluation, {});
      await commitBytes(join(run.files.evaluation, reportFile), report);
      await commitJson(join(run.files.evaluation, evaluationFile), evaluation);

      const page = await ask('/evaluation');
      expect([page.status, page.headers.get('content-type'), page.text]).toEqual([
        200,
        'text/html; charset=utf-8',
        report,
      ]);
      expect(page.headers.get('content-security-policy')).toBe(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect(page.headers.get('x-content-type-options')).toBe('nosniff');
      for (const [path, accept] of [
        ['/evaluation?format=json', '*/*'],
        ['/evaluation', 'application/json'],
      ] as const) {
        const reply = await ask(path, { headers: { accept } });
        expect([reply.status, reply.json, reply.headers.get('vary')]).toEqual([200, evaluation, 'Accept']);
      }
      // What is asked for by name goes before what the browser would take.
      expect((await ask('/evaluation?format=html', { headers: { accept: 'application/json' } })).text).toBe(
        report,
      );
      expect(await ask('/evaluation?format=csv')).toMatchObject({
        status: 400,
        json: { code: 'OPTION_INVALID' },
      });
    });
  });

  it('says what is damaged, without a policy that is looser than of any other answer', async () => {
    await withServer(async ({ ask, run }) => {
      await mkdir(run.files.evaluation);
      await writeFile(join(run.files.evaluation, evaluationFile), '{"kind": "betr evaluation"}');
      const reply = await ask('/evaluation?format=json');
      expect(reply).toMatchObject({
        status: 500,
        json: { code: 'FILE_DAMAGED', detail: expect.stringContaining('betr evaluate') },
      });
      expect((await ask('/evaluation')).headers.get('content-security-policy')).toBe(
        "default-src 'none'; frame-ancestors 'none'",
      );
    });
  });
});
