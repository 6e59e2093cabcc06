import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { trialReportSchema } from '../../../evaluation/trials/report-file.ts';
import { planMadeTrial, reportMadeTrial } from '../made-trial.ts';
import { withServer } from '../serve.ts';

it('GET /trials lists trials, and GET /trials/{name} has the report of one', async () => {
  await withServer(async ({ ask, run }) => {
    expect(await ask('/trials')).toMatchObject({ status: 200, json: { trials: [] } });
    const report = await reportMadeTrial(run, 'first');
    await planMadeTrial(run, 'second');
    await planMadeTrial(run, 'spoiled');
    await writeFile(join(run.files.trials, 'spoiled', 'trial.json'), '{"version":1}');
    expect((await ask('/trials')).json).toEqual({
      trials: [
        {
          name: 'first',
          plannedAt: '2026-11-30T20:00:00Z',
          model: '1m',
          tokens: 2_500_000,
          arms: 1,
          jobs: 1,
          reported: true,
          problem: null,
        },
        expect.objectContaining({ name: 'second', jobs: 1, reported: false, problem: null }),
        expect.objectContaining({
          name: 'spoiled',
          jobs: null,
          problem: expect.stringContaining('trial.json'),
        }),
      ],
    });
    const read = await ask('/trials/first');
    expect(trialReportSchema.parse(read.json).learningRates).toEqual(report.learningRates);
    // Folders of the server's machine are its own business.
    expect(read.text).toContain('No file x.zst');

    const page = await ask('/trials/first?format=html');
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.text).toContain('<h1>Trial first</h1>');
    // Its script runs without this server's origin.
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain('sandbox allow-scripts;');
    expect(policy).toContain("default-src 'none'");

    for (const format of ['json', 'html'])
      expect((await ask(`/trials/second?format=${format}`)).json).toMatchObject({
        status: 409,
        code: 'STEP_MISSING',
        detail: expect.stringContaining('betr trial report --name second'),
      });
    for (const path of ['/trials/third', '/trials/%2e%2e%2ftrials', `/trials/${'a'.repeat(5000)}`])
      expect((await ask(path)).json).toMatchObject({
        status: 404,
        code: 'TRIAL_UNKNOWN',
        detail: expect.stringContaining('Trials: first, second, spoiled.'),
      });
    expect((await ask('/trials/first?format=pdf')).json).toMatchObject({ code: 'OPTION_INVALID' });
    await writeFile(join(run.files.trials, 'first', 'report.json'), '{');
    expect((await ask('/trials/first')).json).toMatchObject({ code: 'FILE_DAMAGED' });
    await rm(run.files.trials, { recursive: true });
    expect((await ask('/trials/first')).status).toBe(404);
  });
});
