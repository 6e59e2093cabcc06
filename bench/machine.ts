// Shared by the benchmarks: running on one core, measuring processes, and printing results with the machine.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { nodeEnvironment, nodeFlags } from '../data/files/process.ts';

Object.assign(process.env, nodeEnvironment);

/** The `betr` command, as its first line starts it: the program and its first arguments. */
export const betr = {
  program: process.execPath,
  args: [...nodeFlags, join(import.meta.dirname, '../cli/betr.js')],
};

/** One scoring measurement, in a process like a worker of betr. */
export const scoreOne = {
  program: process.execPath,
  args: [...nodeFlags, join(import.meta.dirname, 'score-one.js')],
};

/** One measurement of a judge, likewise. */
export const judgeOne = {
  program: process.execPath,
  args: [...nodeFlags, join(import.meta.dirname, 'judge-one.js')],
};

/** Describes the machine, to print next to results. */
export function describeMachine(): string {
  return `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`;
}

/**
 * Runs a program on one core (taskset, core 0) and returns its standard output and wall time. Throws its error
 * output if it fails.
 */
export function runOnOneCore(program: string, args: readonly string[]): { output: string; seconds: number } {
  const startedMs = performance.now();
  const { status, stdout, stderr, error } = spawnSync('taskset', ['-c', '0', program, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return { output: stdout, seconds: (performance.now() - startedMs) / 1000 };
}

/**
 * Runs a program with GNU time (Debian package "time") and returns its standard output, the CPU seconds of it and
 * its children, and the peak memory (MB) of a single process. Throws its error output if it fails.
 */
export function runMeasured(
  program: string,
  args: readonly string[],
): { output: string; cpuSeconds: number; processMb: number } {
  const { status, stdout, stderr, error } = spawnSync(
    '/usr/bin/time',
    ['-f', 'MEASURED %U %S %M', program, ...args],
    { encoding: 'utf8', maxBuffer: 1 << 30 },
  );
  const measured = /MEASURED ([\d.]+) ([\d.]+) (\d+)\s*$/.exec(stderr);
  if (status !== 0 || measured === null)
    throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return {
    output: stdout,
    cpuSeconds: Number(measured[1]) + Number(measured[2]),
    processMb: megabytesOf(Number(measured[3])),
  };
}

/** Peak memory of a process, by default this one (MB). */
export function peakMegabytes(pid: number | 'self' = 'self'): number {
  return megabytesOf(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN));
}

/** Converts KiB, the unit of Linux, to MB. */
function megabytesOf(count: number): number {
  return Math.round((1024 * count) / 1e6);
}

/** Whether a program is on the PATH. */
export function hasProgram(name: string): boolean {
  try {
    execFileSync('which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Prints the result: JSON with --json on the command line, else the text. */
export function printBenchmark(value: unknown, text: string): void {
  process.stdout.write(
    process.argv.includes('--json')
      ? `${JSON.stringify(value, null, 2)}\n`
      : `${text}\n${describeMachine()}\n`,
  );
}

/** Rounds to two decimals. */
export function round(value: number): number {
  return Number(value.toFixed(2));
}
