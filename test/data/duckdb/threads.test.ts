import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

/** DuckDB aborts a process in which a thread is torn down during a query. So each program is its own process. */
function run(program: string): {
  status: number | null;
  signal: string | null;
  lines: string[];
  stderr: string;
} {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [path], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, signal, lines: stdout.split('\n').slice(0, -1), stderr };
}

describe('a thread that runs a query', () => {
  it('does not change the exit code of a process that exits', () => {
    for (let round = 0; round < 3; round++)
      expect(run('exit-in-query.js')).toEqual({ status: 7, signal: null, lines: [], stderr: '' });
  });

  it('ends itself when the orders that it makes are closed', () => {
    const { lines, ...rest } = run('../../ranking/order/close-early.js');
    expect(rest).toEqual({ status: 0, signal: null, stderr: '' });
    expect(lines.length).toBe(4);
    // A request that was answered before the end, or told to come again.
    expect(lines.filter((line) => line !== 'answered' && line !== 'BUSY')).toEqual([]);
  });
});
