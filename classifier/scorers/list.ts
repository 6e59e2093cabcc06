// All scorers there are, and where the ranking of each lies: the product's own in the run folder itself, the others in rankings/NAME/ of it.

import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { fail } from '../../data/errors.ts';
import type { Report } from '../../data/progress.ts';
import type { Run } from '../../data/run.ts';
import { betr } from './betr.ts';
import { dsir } from './dsir.ts';
import { fasttext, splitLabel } from './fasttext.ts';
import type { CorpusScorer, PreparedScorer, ScorerKind } from './kind.ts';
import { length } from './length.ts';
import { random } from './random.ts';

export const scorerKinds: readonly ScorerKind[] = [betr, random, length, dsir, fasttext];

export const defaultScorer = 'betr';

/** What a worker is told of a scorer. */
export const preparedSchema = z.strictObject({
  kind: z.string(),
  file: z.string(),
  settings: z.record(z.string(), z.union([z.string(), z.number()])),
  outputs: z.array(z.string()).min(1),
  fingerprint: z.string(),
  notes: z.array(z.string()),
}) satisfies z.ZodType<PreparedScorer>;

/** The run as the ranking of a scorer has it: its own targets, classifier, scores, quarantine and ranking. Errors: SCORER_UNKNOWN. */
export function rankingRun(run: Run, scorer: string): Run {
  const { kind } = parseScorer(scorer);
  if (kind === betr) return run;
  const folder = join(run.folder, 'rankings', rankingName(run, scorer));
  return {
    ...run,
    folder,
    files: { ...run.files, targets: join(folder, 'targets.parquet'), weights: join(folder, 'classifier', 'weights.bin'), card: join(folder, 'classifier', 'card.json'), scores: join(folder, 'scores'), ranking: join(folder, 'ranking.json'), quarantine: join(folder, 'quarantine') },
  };
}

/** Makes a scorer ready. Errors: SCORER_UNKNOWN, those of the scorer. */
export async function prepareScorer(main: Run, scorer: string, report: Report): Promise<PreparedScorer> {
  const { kind, argument } = parseScorer(scorer);
  const run = rankingRun(main, scorer);
  await mkdir(run.folder, { recursive: true });
  return kind.prepare({ main, run, argument, report });
}

/** Opens what was made ready, in whatever process. Errors: those of reading its file. */
export async function openScorer(prepared: PreparedScorer): Promise<CorpusScorer> {
  return findKind(prepared.kind, prepared.kind).open(prepared);
}

/** The folder's name: the scorer's own; with options, a file or a label a hash besides, that tells it from others. */
export function rankingName(run: Run, scorer: string): string {
  const { kind, argument } = parseScorer(scorer);
  if (argument === '') return kind.name;
  const { file, label } = splitLabel(argument);
  const plain = [kind.name, kind.takesFile ? basename(file) : file, label].join('-').replaceAll(/[^A-Za-z0-9.]+/g, '-').replace(/-$/, '').slice(0, 80);
  const hash = createHash('sha256').update(JSON.stringify([kind.name, kind.takesFile ? resolve(run.settingsFolder, file) : file, label])).digest('hex').slice(0, 8);
  return `${plain}-${hash}`;
}

function parseScorer(scorer: string): { kind: ScorerKind; argument: string } {
  const colon = scorer.indexOf(':');
  return { kind: findKind(colon < 0 ? scorer : scorer.slice(0, colon), scorer), argument: colon < 0 ? '' : scorer.slice(colon + 1) };
}

function findKind(name: string, scorer: string): ScorerKind {
  const found = scorerKinds.find((kind) => kind.name === name);
  if (found === undefined) throw fail('SCORER_UNKNOWN', { scorer, known: scorerKinds.map(({ usage }) => usage).join(', ') });
  return found;
}
