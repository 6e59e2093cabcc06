// All commands of betr, and its exit codes.

import type { Command } from 'commander';

// Loaded on demand: a command that only reads a ranking does not wait for the embedding libraries.
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./commands/init.ts')).initCommand(),
  examples: async () => (await import('./commands/examples.ts')).examplesCommand(),
  index: async () => (await import('./commands/index.ts')).indexCommand(),
  train: async () => (await import('./commands/train.ts')).trainCommand(),
  rank: async () => (await import('./commands/rank.ts')).rankCommand(),
  work: async () => (await import('./commands/work.ts')).workCommand(),
  slurm: async () => (await import('./commands/slurm.ts')).slurmCommand(),
  trainer: async () => (await import('./commands/trainer.ts')).trainerCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  cutoff: async () => (await import('./commands/cutoff.ts')).cutoffCommand(),
  select: async () => (await import('./commands/select.ts')).selectCommand(),
  domains: async () => (await import('./commands/domains.ts')).domainsCommand(),
  run: async () => (await import('./commands/run.ts')).runCommand(),
  evaluate: async () => (await import('./commands/evaluate.ts')).evaluateCommand(),
  trial: async () => (await import('./commands/trial.ts')).trialCommand(),
  pairs: async () => (await import('./commands/pairs.ts')).pairsCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  bench: async () => (await import('./commands/bench.ts')).benchCommand(),
  leaks: async () => (await import('./commands/leaks.ts')).leaksCommand(),
  models: async () => (await import('./commands/models.ts')).modelsCommand(),
  judge: async () => (await import('./commands/judge.ts')).judgeCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  compare: async () => (await import('./commands/compare.ts')).compareCommand(),
  calibrate: async () => (await import('./commands/calibrate.ts')).calibrateCommand(),
  why: async () => (await import('./commands/why.ts')).whyCommand(),
  serve: async () => (await import('./commands/serve.ts')).serveCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
};

/** The meaning of each exit code, for scripts. */
export const exitCodes = `
Exit codes: 0 success · 1 problem with the run or its data · 2 problem with the command line or the settings ·
3 another betr is working on this run · 4 the new ranking drifted more than the settings allow ·
70 bug in betr · 130 or 143 interrupted`;
