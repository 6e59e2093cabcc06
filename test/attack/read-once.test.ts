// What may take forever, such as a pipe that nobody writes to, does not keep a process from ending.

import { spawn } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { readOnce } from '../../run/regular-file.ts';
import { betrPath, run } from '../cli/project.ts';
import { someOf } from '../long.ts';
import { folder, makePipe, makeProject, testOnUnix } from './pipe-project.ts';

describe('a pipe that is read once', () => {
  testOnUnix('is waited for, and read to its end, up to a bound', async () => {
    const pipe = join(folder, 'read-once');
    makePipe(pipe);
    const write = (command: string): void =>
      void spawn('sh', ['-c', `sleep 0.1; (${command}) > '${pipe}'`], { stdio: 'ignore' });
    write('printf a; sleep 0.1; printf b');
    expect(await readOnce(pipe, 10)).toBe('ab');
    write('head -c 1000000 /dev/zero');
    await expect(readOnce(pipe, 70_000)).rejects.toThrow('it has more than 70000 bytes');
    await expect(readOnce('/dev/zero', 10)).rejects.toThrow('it is a character device');
  });

  testOnUnix('can be the settings, whose paths start from the current folder', async () => {
    const project = await makeProject('settings');
    const shell = (command: string) => run('bash', ['-c', command], project);
    for (const command of [
      `"${process.execPath}" "${betrPath}" status --json --config <(sleep 0.1; cat betr.yaml)`,
      `cat betr.yaml | "${process.execPath}" "${betrPath}" status --json --config /dev/stdin`,
    ]) {
      const { code, stdout } = await shell(command);
      expect([code, stdout]).toEqual([0, expect.stringContaining(`"folder": "${join(project, 'run')}"`)]);
    }
    expect((await readdir(project)).includes('run')).toBe(true);
  });

  testOnUnix(
    'and never comes is ended by a signal, whatever waits for it',
    async () => {
      const project = await makeProject('signal');
      makePipe(join(project, 'pipe'));
      const after = 2500;
      const cases = [
        ['SIGTERM', 143, ['status', '--config', 'pipe']],
        ['SIGINT', 130, ['work', 'pipe']],
        ['SIGTERM', 143, ['serve', '--config', 'pipe']],
        ['SIGINT', 130, ['calibrate', 'pipe']],
      ] as const;
      await Promise.all(
        someOf(cases, 2).map(async ([signal, code, args]) => {
          const ended = await run(process.execPath, [betrPath, ...args], project, {}, { after, signal });
          expect([args[0], ended.code, ended.ms > after - 100, ended.ms < after + 2000]).toEqual([
            args[0],
            code,
            true,
            true,
          ]);
        }),
      );
    },
    30_000,
  );
});

describe('a query that takes long', () => {
  it('does not keep its process from ending', async () => {
    const script = join(folder, 'query.mjs');
    await writeFile(
      script,
      `
      import { withDuckDb } ` +
        `from ${JSON.stringify(fileURLToPath(new URL('../../data/duckdb/duckdb.js', import.meta.url)))};
      setTimeout(() => process.exit(143), 500);
      await withDuckDb({}, (connection) => connection.run('SELECT count(*) FROM range(1000000) a, ` +
        `range(40000) b WHERE (a.range * b.range) % 7 = 3'));
    `,
    );
    const { code, ms } = await run(
      process.execPath,
      [script],
      folder,
      {},
      { after: 20_000, signal: 'SIGKILL' },
    );
    expect([code, ms < 10_000]).toEqual([143, true]);
  }, 30_000);
});
