// Proves that the published ranking is whole and unaltered, and says of everything that is not what it is:
// every file against the checksum that was written down when it was made, every part's rows and figures
// against its content, every shard's rows against its parts, every sum against its summands. Promises: reads
// only; any one changed byte of a part, a card, the manifest, the ranking, the plan, or of what scores depend
// on is found.

import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { chunkOf, type ListedPart } from '../../scoring/part.ts';
import { listTasks, readPlan } from '../../scoring/plan.ts';
import { isWhole, readPublishedParts } from '../../scoring/published.ts';
import { readScorer } from '../../scoring/scorers/list.ts';
import { compareShards, shardsOf } from '../../scoring/shard-changes.ts';
import { readWeights } from '../../classifier/weights.ts';
import { BetrError } from '../../run/errors/errors.ts';
import { type FileHash, hashFiles } from '../../data/files/hash-files.ts';
import type { Report } from '../../run/progress.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import { listCorpus } from '../../data/shards.ts';
import { readDrift } from '../drift.ts';
import { nameGeneration, type Ranking, readPublishedStrictly } from '../generation.ts';
import { readPrediction } from '../predict.ts';
import { countCorpusRows } from './corpus.ts';
import { isAltered, verifyCards, verifyContent, verifyQuarantine, verifyTiling } from './parts.ts';

export interface Verification {
  generation: string | null;
  /** What is not as it should be, in words; none means that the ranking is proven. */
  problems: string[];
  parts: number;
  /** Rows of the corpus: each has a score, or is in quarantine, or is blank. */
  rows: number;
  documents: number;
  quarantined: number;
  blank: number;
  /** Bytes of the ranking's files that were hashed, and in which time. */
  bytes: number;
  hashSeconds: number;
  seconds: number;
}

export interface VerifyOptions {
  /** Count the rows of the corpus's files again as well, which reads all of them. */
  corpus: boolean;
}

/**
 * Verifies the ranking of a run. Problems are in the result; errors only where nothing can be read at all:
 * STEP_MISSING.
 */
export async function verifyRanking(
  run: Run,
  { corpus }: VerifyOptions,
  report: Report,
): Promise<Verification> {
  const startedMs = performance.now();
  const problems: string[] = [];
  const tell = (problem: string): void => {
    // Of a damaged file every reader says the same.
    if (!problems.includes(problem)) problems.push(problem);
  };
  const ranking = await orTell(tell, readPublishedStrictly(run), isMissing);
  const result = {
    generation: ranking?.generation ?? null,
    problems,
    parts: 0,
    rows: 0,
    documents: 0,
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
    Object.assign(result, {
      parts: parts.length,
      rows,
      documents,
      quarantined,
      blank: rows - documents - quarantined,
    });
    const hashed = await verifyHashes(run, parts, tell, report);
    Object.assign(result, { bytes: hashed.bytes, hashSeconds: hashed.seconds });
    await verifyContent(run, hashed.good, tell, report);
    await verifyQuarantine(run, parts, tell);
    verifyTiling(parts, tell);
    verifyCards(run, ranking, tell);
    verifyTotals(ranking, tell);
    await verifyScorer(run, ranking, tell);
    await orTell(tell, readDrift(run, ranking));
    await orTell(tell, readPrediction(run));
    await verifyCorpus(run, ranking, tell);
    if (corpus) await countCorpusRows(run, ranking, tell, report);
  }
  await verifyManifest(run, ranking, tell);
  await verifyPlan(run, ranking, tell);
  return { ...result, seconds: (performance.now() - startedMs) / 1000 };
}

type Tell = (problem: string) => void;

const isMissing = ({ code }: BetrError): boolean => code === 'STEP_MISSING';

async function orTell<T>(
  tell: Tell,
  read: Promise<T>,
  isThrown: (error: BetrError) => boolean = () => false,
): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (!(error instanceof BetrError) || isThrown(error)) throw error;
    tell(error.message);
    return undefined;
  }
}

/** Takes a thread half a second; to start one more takes a tenth, and as much of a processor. */
const bytesPerThread = 1e9;

/** Every part against its checksum. Gives those that are right. */
async function verifyHashes(
  run: Run,
  parts: readonly ListedPart[],
  tell: Tell,
  report: Report,
): Promise<{ good: ListedPart[]; bytes: number; seconds: number }> {
  const startedMs = performance.now();
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytes = 0;
  const threads = Math.min(run.settings.workers ?? availableParallelism(), Math.ceil(total / bytesPerThread));
  const hashes = await hashFiles(
    parts.map(({ file }) => join(run.files.scores, file)),
    threads,
    (more) => {
      bytes += more;
      report({ stage: 'verify: checksums', done: bytes, total: Math.max(total, bytes), unit: 'bytes' });
    },
  );
  const good = parts.filter(({ file, sha256 }, index) => {
    const problem = compareHash(hashes[index], sha256);
    if (problem !== undefined)
      tell(`${join(run.files.scores, file)} ${problem}. Remove it, if it is there, and run "betr rank".`);
    return problem === undefined;
  });
  return { good, bytes, seconds: (performance.now() - startedMs) / 1000 };
}

function compareHash(hash: FileHash | undefined, sha256: string): string | undefined {
  if (hash === undefined || 'problem' in hash) return `cannot be read (${hash?.problem ?? ''})`;
  return hash.sha256 === sha256 ? undefined : isAltered;
}

function verifyTotals(ranking: Ranking, tell: Tell): void {
  const { parts, scorer } = ranking;
  for (const name of ['documents', 'tokens', 'estimatedDocuments', 'textBytes', 'quarantined'] as const) {
    const sum = parts.reduce((total, part) => total + part[name], 0);
    if (sum !== ranking[name])
      tell(`ranking.json counts ${ranking[name]} ${name}, but its parts have ${sum}`);
  }
  const generation = nameGeneration(parts, scorer);
  if (generation !== ranking.generation)
    tell(`ranking.json names generation ${ranking.generation}, but its parts make ${generation}`);
}

async function verifyScorer(run: Run, { scorer }: Ranking, tell: Tell): Promise<void> {
  const prepared = run.ranking === '' ? undefined : await orTell(tell, readScorer(run));
  if (prepared !== undefined && prepared.fingerprint !== scorer.sha256)
    tell(
      `${run.files.scorer} is not the scorer that the ranking was made with. Run "betr rank --scorer NAME".`,
    );
  // Any other scorer has no weights.
  if (run.ranking !== '' && prepared?.kind !== 'betr') return;
  const weights = await orTell(tell, readWeights(run.files.weights));
  if (weights !== undefined && weights.sha256 !== scorer.sha256)
    tell(`${run.files.weights} is not the classifier that the ranking was made with. Run "betr rank".`);
}

/** The files of the corpus against the shards that were ranked. */
async function verifyCorpus(run: Run, { parts }: Ranking, tell: Tell): Promise<void> {
  const shards = await orTell(tell, listCorpus(run));
  if (shards === undefined) return;
  const { fresh, changed, gone } = compareShards(shardsOf(parts), shards);
  for (const name of fresh) tell(`${name} is not ranked yet. Run "betr rank".`);
  for (const name of changed) tell(`${name} has changed since it was ranked. Run "betr rank".`);
  for (const name of gone) tell(`${name} was ranked but no longer exists. Run "betr rank".`);
}

async function verifyManifest(run: Run, ranking: Ranking | undefined, tell: Tell): Promise<void> {
  const { byChunk, problems } = await readPublishedParts(run);
  for (const problem of problems) tell(`${problem}. Run "betr rank".`);
  const listed = new Map([...byChunk.values()].flat().map((part) => [part.file, part]));
  for (const part of ranking?.parts ?? []) {
    const line = listed.get(part.file);
    if (line === undefined) tell(`${part.file} is in the ranking, but not in the manifest. Run "betr rank".`);
    else if (fingerprint(line) !== fingerprint(part))
      tell(`the manifest and the ranking disagree about ${part.file}. Run "betr rank".`);
  }
}

/** Every chunk of the plan has to be in the ranking, whole, and nothing else. */
async function verifyPlan(run: Run, ranking: Ranking | undefined, tell: Tell): Promise<void> {
  const plan = await orTell(tell, readPlan(run));
  if (plan === undefined || ranking === undefined) return;
  const byChunk = new Map<string, ListedPart[]>();
  for (const part of ranking.parts)
    byChunk.set(chunkOf(part.file) ?? '', [...(byChunk.get(chunkOf(part.file) ?? '') ?? []), part]);
  const tasks = listTasks(run, plan);
  const missing = tasks.filter(({ name }) => !isWhole(byChunk.get(name))).length;
  if (missing > 0)
    tell(
      `${missing} of the ${tasks.length} chunks of ${basename(run.files.plan)} are not in the ranking. ` +
        'Run "betr rank".',
    );
  for (const { name } of tasks) byChunk.delete(name);
  if (byChunk.size > 0)
    tell(`${byChunk.size} chunks of the ranking are not in ${basename(run.files.plan)}. Run "betr rank".`);
}
