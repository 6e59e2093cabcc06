// The lines of docs/batch.md for clusters without Slurm, as they stand there, each on a run of its own:
// whoever starts `betr work`, the ranking is the same.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { nodeFlags } from '../../data/files/process.ts';
import { silent } from '../../run/progress.ts';
import { readRanking } from '../../ranking/generation.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { forgetScores, makeLines, makeTrainedRun } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';
import { freePort } from '../free-port.ts';
import { longTest, someOf } from '../long.ts';
import { until } from '../until.ts';

const docs = await readFile(new URL('../../../docs/batch.md', import.meta.url), 'utf8');
const betr = fileURLToPath(new URL('../../cli/betr.js', import.meta.url));
const documentedRun = '/srv/corpus';

/** What the documentation shows for a cluster, about the run in `folder`: the rest of the comment, and commands. */
function shownFor(name: string, folder: string): string[] {
  const [, shown = ''] = new RegExp(`^# ${name}\\b(.*?)\n(?:\n|\`{3})`, 'ms').exec(docs) ?? [];
  return shown.replaceAll(documentedRun, folder).split('\n');
}

/** Its first command. */
const commandFor = (name: string, folder: string): string => shownFor(name, folder)[1] ?? '';

const hasProgram = (name: string): boolean => spawnSync('which', [name]).status === 0;

/** A run to be scored, `betr` on a PATH, and what its ranking has to be called. */
async function withRunToScore(
  use: (folder: string, env: Record<string, string | undefined>, check: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'corpus'));
    for (let shard = 0; shard < 3; shard++)
      await writeFile(join(folder, 'corpus', `${shard}.jsonl`), makeLines(600, shard));
    const run = await makeTrainedRun(folder);
    const { generation } = (await rankCorpus(run, silent)).ranking;
    await forgetScores(run);
    await mkdir(join(folder, 'bin'));
    await writeFile(
      join(folder, 'bin', 'betr'),
      `#!/bin/sh\nexec '${process.execPath}' ${nodeFlags.join(' ')} '${betr}' "$@"\n`,
      { mode: 0o755 },
    );
    const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` };
    await use(folder, env, async () => {
      expect(
        spawnSync('betr', ['rank', '--config', run.settingsPath, '--publish-only'], {
          env,
          encoding: 'utf8',
        }),
      ).toMatchObject({ status: 0 });
      expect((await readRanking(run)).generation).toBe(generation);
    });
  });
}

describe('betr work as it is documented', () => {
  it.each(
    someOf(
      [
        ['Kubernetes', /command: \[(.*?)\].*\{name: (\w+), value: (.*?)\}/, 'JOB_COMPLETION_INDEX'],
        ['AWS Batch', /command=\[(.*?)\].*\{name=(\w+),value=(.*?)\}/, 'AWS_BATCH_JOB_ARRAY_INDEX'],
      ] as const,
      1,
    ),
  )('for %s, by command and environment', async (name, pattern, index) => {
    await withRunToScore(async (folder, env, check) => {
      const [, command = '', variable = '', value = ''] =
        pattern.exec(shownFor(name, folder).join(' ')) ?? [];
      const [program = '', ...args] = command.split(/, */);
      const elements = [0, 1, 2].map((element) =>
        spawn(program, args, {
          env: { ...env, [variable]: value, [index]: String(element) },
          stdio: 'ignore',
        }),
      );
      expect(await Promise.all(elements.map((element) => once(element, 'close')))).toEqual([
        [0, null],
        [0, null],
        [0, null],
      ]);
      await check();
    });
  });

  longTest('for GNU parallel', async () => {
    if (!hasProgram('parallel')) {
      process.stderr.write("Skipped: there is no parallel (Debian's package) here.\n");
      return;
    }
    await withRunToScore(async (folder, env, check) => {
      const { status, stdout } = spawnSync('sh', ['-c', commandFor('GNU parallel', folder)], {
        env,
        encoding: 'utf8',
      });
      expect({ status, workers: stdout.match(/^Scored/gm)?.length }).toEqual({ status: 0, workers: 16 });
      await check();
    });
  });

  longTest('for ssh, over a real server of it', async () => {
    if (!hasProgram('sshd') || !hasProgram('ssh')) {
      process.stderr.write("Skipped: there is no sshd (Debian's package openssh-server) here.\n");
      return;
    }
    await withRunToScore(async (folder, env, check) => {
      const server = await openSshServer(folder);
      try {
        const { status, stdout } = spawnSync('sh', ['-c', commandFor('ssh', folder)], {
          env,
          encoding: 'utf8',
        });
        expect({ status, workers: stdout.match(/^Scored/gm)?.length }).toEqual({ status: 0, workers: 3 });
        await check();
      } finally {
        server.kill();
      }
    });
  });
});

/** An ssh server on loopback that every host name leads to, for the `ssh` in the folder's bin. */
async function openSshServer(folder: string): Promise<ChildProcess> {
  const port = await freePort();
  const at = (name: string): string => join(folder, name);
  for (const key of ['host', 'user'])
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]);
  const server = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${at('host')}`,
    `AuthorizedKeysFile ${at('user.pub')}`,
    'StrictModes no',
    'PidFile none',
    `SetEnv PATH=${at('bin')}:/usr/bin:/bin`,
  ];
  const client = [
    'Host *',
    'HostName 127.0.0.1',
    `Port ${port}`,
    `IdentityFile ${at('user')}`,
    'StrictHostKeyChecking no',
    'UserKnownHostsFile /dev/null',
    'LogLevel ERROR',
  ];
  await writeFile(at('sshd_config'), `${server.join('\n')}\n`);
  await writeFile(at('ssh_config'), `${client.join('\n')}\n`);
  await writeFile(
    join(folder, 'bin', 'ssh'),
    `#!/bin/sh\nexec '${programPath('ssh')}' -F '${at('ssh_config')}' "$@"\n`,
    { mode: 0o755 },
  );
  // Where it runs as root it wants this folder.
  await mkdir('/run/sshd', { recursive: true }).catch(() => undefined);
  const child = spawn(programPath('sshd'), ['-D', '-e', '-f', at('sshd_config')], { stdio: 'ignore' });
  await until(() => spawnSync(join(folder, 'bin', 'ssh'), ['-n', 'anywhere', 'true']).status === 0, {
    what: 'a connection',
    everyMs: 100,
  });
  return child;
}

/** It has to be started by its whole path. */
function programPath(name: string): string {
  return spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim();
}
