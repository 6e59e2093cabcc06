// Verifies that the published ranking is complete and unaltered, and reports every problem: checks every file
// against its recorded checksum, every part's listed rows and totals against its content, every shard's rows
// against the parts, and every sum. Read-only. Finds any single changed byte in a part, a card, the manifest,
// the ranking, the plan, or what scores depend on.

import type { ListedPart } from '../../scoring/part.ts';
import { openScorer, readScorer } from '../../scoring/scorers/list.ts';
import { compareShards, shardsOf } from '../../scoring/shard-changes.ts';
import { readWeights } from '../../classifier/weights.ts';
import { BetrError } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { listCorpus } from '../../data/shards.ts';
import { readDrift } from '../drift.ts';
import { type Ranking, readPublishedStrictly } from '../generation.ts';
import { nameGeneration } from '../publish.ts';
import { readPrediction } from '../predict.ts';
import { countCorpusRows } from './corpus.ts';
import { verifyQuarantine, verifyTiling } from './parts.ts';
import { type AddProblem, orReport } from './problems.ts';
import { verifyCards } from './cards.ts';
import { verifyContent } from './content.ts';
import { verifyManifest, verifyPlan } from './plan.ts';
import { verifyHashes } from './hashes.ts';
import { verifyUnknown } from './unknown.ts';

export interface Verification {
  generation: string | null;
  /** One sentence for each problem; none if the ranking is verified. */
  problems: string[];
  parts: number;
  /** Rows of the corpus: each is a document with or without a score, is in quarantine, or is blank. */
  rows: number;
  documents: number;
  unknown: number;
  quarantined: number;
  blank: number;
  /** Bytes of the ranking's files that were hashed, and how long it took. */
  bytes: number;
  hashSeconds: number;
  seconds: number;
}

export interface VerifyOptions {
  /** Also count the rows of the corpus's files, which reads all of them. */
  corpus: boolean;
}

/**
 * Verifies the ranking of a run. Problems are part of the result. Errors: STEP_MISSING if there is no
 * ranking.
 */
export async function verifyRanking(
  run: Run,
  { corpus }: VerifyOptions,
  report: Report,
): Promise<Verification> {
  const startedMs = performance.now();
  const problems: string[] = [];
  const addProblem = (problem: string): void => {
    // Several readers may report the same damaged file.
    if (!problems.includes(problem)) problems.push(problem);
  };
  const ranking = await orReport(addProblem, readPublishedStrictly(run), isMissing);
  const result = {
    generation: ranking?.generation ?? null,
    problems,
    parts: 0,
    rows: 0,
    documents: 0,
    unknown: 0,
    quarantined: 0,
    blank: 0,
    bytes: 0,
    hashSeconds: 0,
  };
  if (ranking !== undefined) {
    const { parts } = ranking;
    const sum = (count: (part: ListedPart) => number): number =>
      parts.reduce((total, part) => total + count(part), 0);
    const rows = sum(({ covers }) => covers.reduce((total, own) => total + own.rows, 0));
    const [documents, quarantined] = [sum((part) => part.documents), sum((part) => part.quarantined)];
    const unknown = sum(({ unknownDocuments = 0 }) => unknownDocuments);
    Object.assign(result, {
      parts: parts.length,
      rows,
      documents,
      unknown,
      quarantined,
      blank: rows - documents - unknown - quarantined,
    });
    const hashed = await verifyHashes(run, parts, addProblem, report);
    Object.assign(result, { bytes: hashed.bytes, hashSeconds: hashed.seconds });
    await verifyContent(run, hashed.good, addProblem, report);
    await verifyQuarantine(run, parts, addProblem);
    verifyTiling(parts, addProblem);
    await verifyUnknown(run, hashed.good, verifyCards(run, ranking, addProblem), addProblem);
    verifyTotals(ranking, addProblem);
    await verifyScorer(run, ranking, addProblem);
    await orReport(addProblem, readDrift(run, ranking));
    await orReport(addProblem, readPrediction(run));
    await verifyCorpus(run, ranking, addProblem);
    if (corpus) await countCorpusRows(run, ranking, addProblem, report);
  }
  await verifyManifest(run, ranking, addProblem);
  await verifyPlan(run, ranking, addProblem);
  return { ...result, seconds: (performance.now() - startedMs) / 1000 };
}

const isMissing = ({ code }: BetrError): boolean => code === 'STEP_MISSING';

function verifyTotals(ranking: Ranking, addProblem: AddProblem): void {
  const { parts, scorer } = ranking;
  for (const name of ['documents', 'tokens', 'estimatedDocuments', 'textBytes', 'quarantined'] as const) {
    const sum = parts.reduce((total, part) => total + part[name], 0);
    if (sum !== ranking[name])
      addProblem(`ranking.json counts ${ranking[name]} ${name}, but its parts have ${sum}`);
  }
  const generation = nameGeneration(parts, scorer);
  if (generation !== ranking.generation)
    addProblem(`ranking.json names generation ${ranking.generation}, but its parts make ${generation}`);
}

async function verifyScorer(run: Run, { scorer }: Ranking, addProblem: AddProblem): Promise<void> {
  const prepared = run.ranking === '' ? undefined : await orReport(addProblem, readScorer(run));
  if (prepared !== undefined && prepared.fingerprint !== scorer.sha256)
    addProblem(
      `${run.files.scorer} is not the scorer that the ranking was made with. Run "betr rank --scorer NAME".`,
    );
  // Its models are those of another ranking's classifier.
  if (prepared?.crossFits !== undefined) await orReport(addProblem, openScorer(run, prepared));
  // Any other scorer has no weights.
  if (run.ranking !== '' && prepared?.kind !== 'betr') return;
  const weights = await orReport(addProblem, readWeights(run.files.weights));
  if (weights !== undefined && weights.sha256 !== scorer.sha256)
    addProblem(`${run.files.weights} is not the classifier that the ranking was made with. Run "betr rank".`);
}

/** Compares the files of the corpus with the ranked shards. */
async function verifyCorpus(run: Run, { parts }: Ranking, addProblem: AddProblem): Promise<void> {
  const shards = await orReport(addProblem, listCorpus(run));
  if (shards === undefined) return;
  const { fresh, changed, gone } = compareShards(shardsOf(parts), shards);
  for (const name of fresh) addProblem(`${name} is not ranked yet. Run "betr rank".`);
  for (const name of changed) addProblem(`${name} has changed since it was ranked. Run "betr rank".`);
  for (const name of gone) addProblem(`${name} was ranked but no longer exists. Run "betr rank".`);
}
