// All commands of `betr`, and its exit codes.

import type { Command } from 'commander';

// Loaded when asked for: a command that only reads a ranking need not wait for the embedding's libraries.
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./init.ts')).initCommand(),
  examples: async () => (await import('./examples.ts')).examplesCommand(),
  index: async () => (await import('./index.ts')).indexCommand(),
  train: async () => (await import('./train.ts')).trainCommand(),
  rank: async () => (await import('./rank.ts')).rankCommand(),
  work: async () => (await import('./work.ts')).workCommand(),
  slurm: async () => (await import('./slurm.ts')).slurmCommand(),
  verify: async () => (await import('./verify.ts')).verifyCommand(),
  cutoff: async () => (await import('./cutoff.ts')).cutoffCommand(),
  select: async () => (await import('./select.ts')).selectCommand(),
  domains: async () => (await import('./domains.ts')).domainsCommand(),
  run: async () => (await import('./run.ts')).runCommand(),
  evaluate: async () => (await import('./evaluate.ts')).evaluateCommand(),
  bench: async () => (await import('./bench.ts')).benchCommand(),
  leaks: async () => (await import('./leaks.ts')).leaksCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  compare: async () => (await import('./compare.ts')).compareCommand(),
  calibrate: async () => (await import('./calibrate.ts')).calibrateCommand(),
  why: async () => (await import('./why.ts')).whyCommand(),
  serve: async () => (await import('./serve.ts')).serveCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
};

/** What scripts can tell from the exit code. */
export const exitCodes = `
Exit codes: 0 done · 1 the run or its data is at fault · 2 the command line or the settings are ·
3 another betr works on this run · 4 the new ranking differs from the last by more than the settings allow ·
70 a defect of betr · 130 or 143 interrupted`;
