import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { takeLease } from '../../../data/files/lease.ts';
import { writeJob } from '../../../models/trainer/write-job.ts';
import { pretrainPlan } from '../../models/trainer/jobs.ts';
import { withServer } from '../serve.ts';

const at = '2026-11-30T20:00:00.000Z';
const line = (event: object): string => `${JSON.stringify({ at, ...event })}\n`;

it('GET /training lists training jobs, and GET /training/{name} follows one', async () => {
  await withServer(async ({ ask, run }) => {
    expect(await ask('/training')).toMatchObject({ status: 200, json: { jobs: [] } });
    const { training } = run.files;
    const plan = await pretrainPlan(run.settingsFolder);
    const folder = await writeJob(training, 'arm-1', plan);
    await writeJob(training, 'arm-2', { ...plan, seed: 1 });
    const events = join(folder, 'events.jsonl');
    await appendFile(
      events,
      line({ event: 'start' }) + line({ event: 'progress', step: 1, steps: 9, loss: 4 }),
    );
    const lease = await takeLease(join(folder, 'lease'), 1000);
    expect((await ask('/training')).json).toMatchObject({
      jobs: [
        { name: 'arm-1', state: 'running', step: 1, steps: 9, loss: 4, worker: { pid: process.pid } },
        { name: 'arm-2', state: 'waiting', step: null, worker: null },
      ],
    });
    const first = await ask('/training/arm-1');
    expect(first.json).toMatchObject({
      job: { kind: 'pretrain' },
      events: [{ event: 'start' }, { event: 'progress', loss: 4 }],
      next: expect.any(Number),
    });
    const next = /"next":(\d+)/.exec(first.text)?.[1] ?? '';
    await appendFile(
      events,
      line({ event: 'failed', code: 'INPUT_MISSING', message: `No file ${run.settingsFolder}/train.jsonl.` }),
    );
    await lease?.release();
    // Folders of the server's machine are its own business.
    expect((await ask(`/training/arm-1?after=${next}`)).json).toMatchObject({
      job: { state: 'failed', problem: 'No file train.jsonl.' },
      events: [{ event: 'failed', message: 'No file train.jsonl.' }],
    });
    for (const path of ['/training/arm-3', '/training/%2e%2e%2ftraining', '/training/tokens'])
      expect([path, (await ask(path)).status]).toEqual([path, 404]);
    expect((await ask('/training/arm-3')).json).toMatchObject({
      code: 'TRAINING_JOB_UNKNOWN',
      detail: expect.stringContaining('Jobs: arm-1, arm-2.'),
    });
    expect((await ask('/training/arm-1?after=-1')).json).toMatchObject({ code: 'OPTION_INVALID' });
    await rm(join(training, 'arm-1'), { recursive: true });
    expect((await ask('/training/arm-1')).status).toBe(404);
  });
});
