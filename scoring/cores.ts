// The cores that this process may use, and the binding of processes to some of them.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The numbers of the cores that this process may run on; none where the system does not tell (elsewhere than
 * on Linux).
 */
export function listCores(): number[] {
  let status: string;
  try {
    status = readFileSync('/proc/self/status', 'latin1');
  } catch {
    return [];
  }
  const list = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(status)?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 || 0 }, (_, i) => first + i);
  });
}

/**
 * Keeps all threads of a process on some cores. Where that cannot be done (no `taskset`), it runs as before.
 */
export function bindToCores(pid: number, cores: readonly number[]): void {
  execFile('taskset', ['--all-tasks', '--cpu-list', '--pid', cores.join(','), String(pid)], () => undefined);
}
