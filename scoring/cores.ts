// Lists the cores that this process may use, and binds processes to cores.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The numbers of the cores that this process may run on; empty on systems other than Linux.
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
 * Binds all threads of a process to some cores. Without `taskset`, does nothing.
 */
export function bindToCores(pid: number, cores: readonly number[]): void {
  execFile('taskset', ['--all-tasks', '--cpu-list', '--pid', cores.join(','), String(pid)], () => undefined);
}
