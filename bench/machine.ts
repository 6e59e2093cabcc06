// What every benchmark shares: one core to run on, the figures as text or JSON, and the machine they came
// from.

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

/** One measurement of scoring, in a process as the command's workers are. */
export const scoreOne = {
  program: process.execPath,
  args: [...nodeFlags, join(import.meta.dirname, 'score-one.js')],
};

/** The machine, in words, to stand beside figures. */
export function describeMachine(): string {
  return `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}`;
}

/**
 * Runs a program on one core (taskset, core 0) and returns its standard output and wall time. Throws what it
 * said when it fails.
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
 * Runs a program by GNU time (Debian's package "time") and returns its standard output, the CPU seconds of it
 * and of all that it started, and the most memory (MB) that one of these processes had. Throws what it said
 * when it fails.
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
    processMb: kibibytes(Number(measured[3])),
  };
}

/** The most memory that a process, or this one, has had (MB). */
export function peakMegabytes(pid: number | 'self' = 'self'): number {
  return kibibytes(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN));
}

/** Linux tells memory in KiB. */
function kibibytes(count: number): number {
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
