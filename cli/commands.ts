// All commands of `betr`, and its exit codes.

import type { Command } from 'commander';

// Loaded when asked for: a command that only reads a ranking need not wait for the embedding's libraries.
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./commands/init.ts')).initCommand(),
  examples: async () => (await import('./commands/examples.ts')).examplesCommand(),
  index: async () => (await import('./commands/index.ts')).indexCommand(),
  train: async () => (await import('./commands/train.ts')).trainCommand(),
  rank: async () => (await import('./commands/rank.ts')).rankCommand(),
  work: async () => (await import('./commands/work.ts')).workCommand(),
  slurm: async () => (await import('./commands/slurm.ts')).slurmCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  cutoff: async () => (await import('./commands/cutoff.ts')).cutoffCommand(),
  select: async () => (await import('./commands/select.ts')).selectCommand(),
  domains: async () => (await import('./commands/domains.ts')).domainsCommand(),
  run: async () => (await import('./commands/run.ts')).runCommand(),
  evaluate: async () => (await import('./commands/evaluate.ts')).evaluateCommand(),
  bench: async () => (await import('./commands/bench.ts')).benchCommand(),
  leaks: async () => (await import('./commands/leaks.ts')).leaksCommand(),
  models: async () => (await import('./commands/models.ts')).modelsCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  compare: async () => (await import('./commands/compare.ts')).compareCommand(),
  calibrate: async () => (await import('./commands/calibrate.ts')).calibrateCommand(),
  why: async () => (await import('./commands/why.ts')).whyCommand(),
  serve: async () => (await import('./commands/serve.ts')).serveCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
};

/** What scripts can tell from the exit code. */
export const exitCodes = `
Exit codes: 0 done · 1 the run or its data is at fault · 2 the command line or the settings are ·
3 another betr works on this run · 4 the new ranking differs from the last by more than the settings allow ·
70 a defect of betr · 130 or 143 interrupted`;
