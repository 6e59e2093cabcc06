// Binding to cores needs Linux and its `taskset`; elsewhere there is nothing to be bound, and the test says
// that it is skipped.

import { afterEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { bindToCores, listCores } from '../../scoring/cores.ts';

const able = hasTaskset();
if (!able) console.log('There is no taskset: that processes are bound to cores is not tested.');
let child: ChildProcess | undefined;
afterEach(() => void child?.kill('SIGKILL'));

(able ? describe : describe.skip)('cores', () => {
  it('are as many as the system lets this process use', () => {
    expect(listCores()).toHaveLength(availableParallelism());
  });

  it('are those of a range or a list that the process was left with', () => {
    const [first = 0] = listCores();
    const said = execFileSync('taskset', [
      '-c',
      String(first),
      process.execPath,
      '--input-type=module',
      '-e',
      'const { listCores } = await ' +
        `import(${JSON.stringify(new URL('../../scoring/cores.js', import.meta.url).href)}); ` +
        'console.log(JSON.stringify(listCores()))',
    ]);
    expect(JSON.parse(said.toString())).toEqual([first]);
  });

  it('hold all threads of a process that is bound to one', async () => {
    child = spawn(process.execPath, ['-e', 'process.stdout.write("here"); setInterval(() => {}, 1000)'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await new Promise((resolve) => child?.stdout?.once('data', resolve));
    const pid = child.pid ?? 0;
    const core = listCores().at(-1) ?? 0;
    bindToCores(pid, [core]);
    const threads = (): string[] =>
      readdirSync(`/proc/${pid}/task`).map(
        (thread) =>
          /Cpus_allowed_list:\s*(.*)/.exec(
            readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1'),
          )?.[1] ?? '',
      );
    for (let tries = 0; tries < 200 && threads().some((list) => list !== String(core)); tries++)
      await setTimeout(20);
    expect(new Set(threads())).toEqual(new Set([String(core)]));
    // And are let go again.
    bindToCores(pid, listCores());
    const all = readFileSync('/proc/self/status', 'latin1').match(/^Cpus_allowed_list:\s*(.*)$/m)?.[1] ?? '';
    for (let tries = 0; tries < 200 && threads().some((list) => list !== all); tries++) await setTimeout(20);
    expect(new Set(threads())).toEqual(new Set([all]));
  });

  it('are left alone for a process that is gone', async () => {
    bindToCores(2 ** 30, listCores().slice(0, 1));
    await setTimeout(50);
    expect(listCores()).toHaveLength(availableParallelism());
  });
});

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return listCores().length > 0;
  } catch {
    return false;
  }
}
