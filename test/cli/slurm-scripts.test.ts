// The job scripts of `betr slurm` as a shell runs them, with a program in betr's place; a real Slurm has
// test/slurm.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { publishScript, quote, type SlurmJob, workScript } from '../../cli/slurm-scripts.ts';
import { withFolder } from '../data/collect.ts';
import { until } from '../until.ts';

it('any text is one word of the shell', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
        { minLength: 1, maxLength: 30 },
      ),
      (texts) => {
        const printed = execFileSync('sh', ['-c', `printf '%s\\0' ${texts.map(quote).join(' ')}`], {
          encoding: 'utf8',
        });
        expect(printed.split('\0').slice(0, -1)).toEqual(texts);
      },
    ),
    { numRuns: 20, seed: 20261129, examples: [[["it's", '$HOME `date` "x"', '', '-n', 'a\nb', '*', '~']]] },
  );
});

/**
 * A job whose betr is a script of ours, in a folder with an odd name; it notes the words that it was called
 * with, as scontrol does. `before`: what it does before that.
 */
async function withJob(
  betr: string,
  use: (job: SlurmJob, folder: string) => Promise<void>,
  before = '',
): Promise<void> {
  await withFolder(async (parent) => {
    const folder = join(parent, "it's 100 % odd");
    await mkdir(folder);
    const program = join(folder, 'betr');
    await writeFile(program, `#!/bin/sh\n${before}\nprintf '%s\\n' "$@" >> "${folder}/words"\n${betr}\n`);
    await writeFile(
      join(folder, 'scontrol'),
      `#!/bin/sh\n${before}\nprintf '%s\\n' "$@" > "${folder}/scontrol.words"\n`,
    );
    for (const name of ['betr', 'scontrol']) await chmod(join(folder, name), 0o755);
    await use(
      { betr: [program], settingsPath: join(folder, 'betr.yaml'), folder, nodes: 2, cpus: 3, sbatch: [] },
      folder,
    );
  });
}

/** Runs a script; `meanwhile` as soon as betr was called. Returns how it ended. */
async function runScript(
  script: string,
  folder: string,
  meanwhile: (kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
): Promise<unknown> {
  await writeFile(join(folder, 'job.sh'), script);
  const job = spawn('sh', [join(folder, 'job.sh')], {
    env: { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}`, SLURM_JOB_ID: '77' },
    stdio: 'inherit',
  });
  const ended = once(job, 'exit');
  await until(async () => (await readFile(join(folder, 'words'), 'utf8').catch(() => '')) !== '');
  meanwhile((signal) => job.kill(signal));
  return (await ended)[0];
}

const words = async (folder: string, file = 'words'): Promise<string[]> =>
  (await readFile(join(folder, file), 'utf8')).trimEnd().split('\n');

it('values of options for sbatch are one word each', () => {
  const job = {
    betr: ['betr'],
    settingsPath: 'betr.yaml',
    folder: '/run/slurm',
    nodes: 1,
    cpus: 1,
    sbatch: ['--partition=long', "--comment=it's two words", '--exclusive', '-p high'],
  };
  for (const option of [
    '--partition=long',
    String.raw`--comment='it'\''s two words'`,
    '--exclusive',
    '-p high',
  ])
    expect(workScript(job).split('\n')).toContain(`#SBATCH ${option}`);
});

describe('a job of Slurm', () => {
  it('calls betr with the settings, wherever they are, and ends as it does', async () => {
    await withJob('exit 5', async (job, folder) => {
      expect(await runScript(workScript(job), folder)).toBe(5);
      expect(await words(folder)).toEqual(['work', job.settingsPath, '--workers', '3', '--grace', '20']);
    });
  });

  it('publishes after the work, and not where that failed', async () => {
    await withJob('exit 0', async (job, folder) => {
      expect(await runScript(publishScript(job), folder)).toBe(0);
      expect((await words(folder)).slice(6)).toEqual([
        'rank',
        '--publish-only',
        '--config',
        job.settingsPath,
      ]);
    });
    await withJob('exit 1', async (job, folder) => {
      expect(await runScript(publishScript(job), folder)).toBe(1);
      expect((await words(folder)).length).toBe(6);
    });
  });

  it('near its time limit has the chunk given back, and is put into the queue again', async () => {
    // Gives its chunk back, as betr does, and says so by its exit code.
    const givesBack = `trap 'echo given back >> "$(dirname "$0")/words"; exit 143' TERM`;
    await withJob(
      'while :; do sleep 0.05; done',
      async (job, folder) => {
        expect(
          await runScript(workScript(job), folder, (kill) => {
            kill('SIGUSR1');
          }),
        ).toBe(143);
        expect((await words(folder)).at(-1)).toBe('given back');
        expect(await words(folder, 'scontrol.words')).toEqual(['requeue', '77']);
      },
      givesBack,
    );
  });

  it('that is preempted waits for its worker, which Slurm tells as well', async () => {
    await withJob(`sleep 0.5\necho finished >> "$(dirname "$0")/words"\nexit 143`, async (job, folder) => {
      expect(
        await runScript(workScript(job), folder, (kill) => {
          kill('SIGTERM');
        }),
      ).toBe(143);
      expect((await words(folder)).at(-1)).toBe('finished');
    });
  });
});
