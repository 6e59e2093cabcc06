// `betr trainer` with a stand-in for Python.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { trainingScript } from '../../../cli/slurm-scripts.ts';
import { makePython, writeJobs } from '../../models/trainer/jobs.ts';
import { until } from '../../until.ts';
import { betr } from '../betr.ts';
import { betrPath, type Ended } from '../project.ts';
import { longTest } from '../../long.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-trainer-'));
  await makePython(folder);
  await writeFile(
    join(folder, 'betr.yaml'),
    'corpus: {files: [corpus/*.jsonl]}\ntrainer: {python: ./python}\n',
  );
});
afterAll(() => rm(folder, { recursive: true }));

const trainer = (...args: string[]): Promise<Ended> => betr(folder, ['trainer', ...args]);
const resultSchema = z.object({
  jobs: z.array(
    z.object({
      name: z.string(),
      state: z.string(),
      card: z.unknown(),
      error: z.object({ code: z.string() }).nullable(),
    }),
  ),
});

describe('betr trainer', () => {
  it('runs the named jobs and ends with the code of the first failure', async () => {
    await writeJobs(folder, ['done-1', 'nan-1', 'refused-1']);
    const fine = await trainer('done-1');
    expect(fine).toMatchObject({ code: 0 });
    expect(fine.stdout).toBe('done-1  done in 0.50 s, 5K tokens, 1.5e12 FLOPs, 1 row of results\n');
    expect(fine.stderr).toMatch(/^done-1: start, /m);
    expect(fine.stderr).toContain('done-1: step 1 of 5, loss 4.500, 1,000 tokens/s, 1.0 s left');
    const failed = await trainer('refused-1', 'nan-1', 'done-1', '--json');
    expect(failed.code).toBe(2);
    expect(resultSchema.parse(JSON.parse(failed.stdout)).jobs).toMatchObject([
      { name: 'refused-1', state: 'failed', card: null, error: { code: 'TRAINING_INPUT_CHANGED' } },
      { name: 'nan-1', state: 'failed', error: { code: 'TRAINING_LOSS' } },
      { name: 'done-1', state: 'done', card: { flops: 1.5e12 }, error: null },
    ]);
    expect(failed.stderr).toMatch(/^betr: Training job "nan-1" failed: .* \[TRAINING_LOSS\]$/m);
  });

  it('shows jobs in betr status, and runs with --all those that are not done', async () => {
    await rm(join(folder, 'run', 'training'), { recursive: true });
    await writeJobs(folder, ['done-2', 'nan-2', 'done-3']);
    await trainer('done-2', 'nan-2');
    const status = await betr(folder, ['status']);
    expect(status.stdout).toContain(
      'Training    1 done, 1 waiting, 1 failed: betr trainer --all\n' +
        '            nan-2 failed: The loss is NaN at step 3 (learning rate 0.1).\n',
    );
    const planned = await trainer('--all', '--dry-run');
    expect(planned.stdout).toMatch(
      /^2 jobs, .* by Python 3\.12\.0 \(.*\/python\):\n {2}done-3 {2}pretrain\n {2}nan-2/,
    );
    const { stdout, code } = await trainer('--all', '--json');
    expect(code).toBe(1);
    expect(resultSchema.parse(JSON.parse(stdout)).jobs.map(({ name }) => name)).toEqual(['done-3', 'nan-2']);
  });

  it('runs the job of any folder without settings', async () => {
    const [job = ''] = await writeJobs(folder, ['done-4']);
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere, { recursive: true });
    const ended = await betr(elsewhere, ['trainer', job], { BETR_TRAINER_PYTHON: join(folder, 'python') });
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('done-4  done') });
    expect(await betr(elsewhere, ['trainer', 'done-4'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('SETTINGS_NOT_FOUND'),
    });
  });

  it('says what is wrong with a command line', async () => {
    for (const [args, said] of [
      [[], 'Name training jobs, or use --all'],
      [['--all', 'done-1'], 'not both'],
      [['nothing'], 'There is no training job "nothing"'],
      [['done-2', '--at-once', '0'], '--at-once is "0"'],
      [['done-2', '--slurm', '--sbatch=--array=1-3'], 'it has one element for each job'],
    ] satisfies [string[], string][])
      expect(await trainer(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
  });

  it('shows Python, its packages and the device', async () => {
    const { stdout } = await trainer('--check');
    expect(stdout).toMatch(/^Python {8}3\.12\.0 \(.*\/python\)\ntorch {9}1\.0\n/);
    expect(stdout).toMatch(/^Device {8}cpu$/m);
    const broken = await betr(folder, ['trainer', '--check', '--json'], { FAKE_MISSING: 'torch' });
    expect(broken.code).toBe(1);
    expect(JSON.parse(broken.stdout)).toMatchObject({ error: { code: 'TRAINER_PACKAGES' } });
  });

  longTest('passes SIGTERM on, and goes on when it is run again', async () => {
    const [job = ''] = await writeJobs(folder, ['slow-1']);
    const child = spawn(process.execPath, [betrPath, 'trainer', 'slow-1'], { cwd: folder });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece));
    await until(() => stderr.includes('step 1 of 5'));
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    expect((await ended)[0]).toBe(143);
    expect(stderr).toContain('Its progress is saved; run "betr trainer slow-1" to go on.');
    expect(await readFile(join(job, 'events.jsonl'), 'utf8')).toContain('"event":"stopped"');
    const { stdout } = await trainer('slow-1', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ jobs: [{ state: 'done', card: { resumed: 1 } }] });
  });
});

describe('betr trainer --slurm', () => {
  it('prints an array with one element for each job, with a GPU and the options of the site', async () => {
    await writeJobs(folder, ['done-5', 'done-6']);
    const { stdout, code } = await trainer(
      ...['done-5', 'done-6', '--slurm', '--dry-run', '--at-once', '1', '--cpus', '4'],
      ...['--sbatch=--account=lab', '--sbatch=--qos=high'],
    );
    expect(code).toBe(0);
    for (const line of [
      '#SBATCH --array=1-2%1',
      '#SBATCH --gres=gpu:1',
      '#SBATCH --cpus-per-task=4',
      '#SBATCH --requeue',
      '#SBATCH --account=lab',
      '#SBATCH --qos=high',
    ])
      expect(stdout.split('\n')).toContain(line);
    expect((await trainer('done-5', '--slurm', '--dry-run', '--gpus', '0')).stdout).not.toContain('gres');
  });

  it('submits it', async () => {
    const bin = join(folder, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'sbatch'), `#!/bin/sh\necho "$@" > '${bin}/words'\necho '77;cluster'\n`);
    await chmod(join(bin, 'sbatch'), 0o755);
    const { stdout } = await betr(folder, ['trainer', 'done-5', '--slurm'], {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    });
    expect(stdout).toMatch(/^Submitted array 77 with 1 training job\. Logs: .*\. To cancel: scancel 77$/m);
    const script = join(folder, 'run', 'slurm', 'training.sh');
    expect(await readFile(join(bin, 'words'), 'utf8')).toBe(`--parsable ${script}\n`);
    expect(await readFile(script, 'utf8')).toMatch(/^#SBATCH --array=1-1$/m);
  });

  it('gives each element its own job', async () => {
    const odd = join(folder, "it's 100 % odd");
    await mkdir(odd, { recursive: true });
    const program = join(odd, 'betr');
    await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$@" > "${odd}/words"\nexit 5\n`);
    await chmod(program, 0o755);
    const job = {
      betr: [program],
      settingsPath: join(odd, 'betr.yaml'),
      folder: odd,
      jobs: ['/a/one', "/a/it's two", '/a/three'],
      atOnce: undefined,
      cpus: 2,
      gpus: 0,
      sbatch: [],
    };
    const script = join(odd, 'training.sh');
    await writeFile(script, trainingScript(job));
    const env = (element: number): NodeJS.ProcessEnv => ({
      ...process.env,
      SLURM_ARRAY_TASK_ID: String(element),
    });
    expect(() => execFileSync('sh', [script], { env: env(2) })).toThrow();
    expect((await readFile(join(odd, 'words'), 'utf8')).trimEnd().split('\n')).toEqual([
      ...['trainer', '--config', job.settingsPath, '--at-once', '1', '--threads', '2', '--', "/a/it's two"],
    ]);
  });
});
