// `betr verify`: checks that the published ranking is complete and unaltered.

import type { Command } from 'commander';
import { type Verification, verifyRanking } from '../../ranking/verify/verify.ts';
import { formatCount, formatCountOf } from '../../run/amounts.ts';
import { openRanking, rankingCommand, type RankingOptions, runArgument } from '../options.ts';
import { formatBytes, openProgress, printResult } from '../output.ts';

export function verifyCommand(): Command {
  return rankingCommand(
    'verify',
    'prove that the ranking is complete and unaltered: every part, checksum, sum and corpus row; ' +
      'exit code 1 if it is not',
  )
    .argument(...runArgument)
    .option('--corpus', 'also read every corpus file and count its rows again', false)
    .action(async (path: string | undefined, options: RankingOptions & { corpus: boolean }) => {
      const run = await openRanking({ ...options, config: path ?? options.config });
      const progress = openProgress();
      const result = await verifyRanking(run, { corpus: options.corpus }, progress.report).finally(() => {
        progress.end();
      });
      printResult(options.json, result, describeVerification(result));
      if (result.problems.length > 0) process.exitCode = 1;
    });
}

function describeVerification({
  generation,
  problems,
  parts,
  rows,
  documents,
  unknown,
  quarantined,
  blank,
  bytes,
  hashSeconds,
  seconds,
}: Verification): string {
  const counts =
    `${formatCount(rows)} corpus rows: ${formatCount(documents)} ` +
    `scored, ${unknown === 0 ? '' : `${formatCount(unknown)} without a score, `}` +
    `${formatCount(quarantined)} in quarantine, ${formatCount(blank)} blank`;
  const speed =
    `${formatCountOf(parts, 'part')}, ${formatBytes(bytes)} hashed ` +
    `at ${formatBytes(bytes / Math.max(hashSeconds, 1e-3))}/s, ${seconds.toFixed(1)} s in total`;
  if (problems.length > 0)
    return [
      `NOT verified: ${formatCountOf(problems.length, 'problem')}`,
      ...problems.map((problem) => `  - ${problem}`),
      speed,
    ].join('\n');
  return `Ranking ${generation ?? ''} is complete and unaltered. ${counts}. ${speed}`;
}
