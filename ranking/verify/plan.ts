// Checks the ranking against the manifest and the plan.

import { basename } from 'node:path';
import { chunkOf, type ListedPart } from '../../scoring/part.ts';
import { readPlan } from '../../scoring/plan.ts';
import { listTasks } from '../../scoring/tasks.ts';
import { isWhole, readPublishedParts } from '../../scoring/published.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { type AddProblem, orReport } from './problems.ts';

export async function verifyManifest(
  run: Run,
  ranking: Ranking | undefined,
  addProblem: AddProblem,
): Promise<void> {
  const { byChunk, problems } = await readPublishedParts(run);
  for (const problem of problems) addProblem(`${problem}. Run "betr rank".`);
  const listed = new Map([...byChunk.values()].flat().map((part) => [part.file, part]));
  for (const part of ranking?.parts ?? []) {
    const line = listed.get(part.file);
    if (line === undefined)
      addProblem(`${part.file} is in the ranking, but not in the manifest. Run "betr rank".`);
    else if (fingerprint(line) !== fingerprint(part))
      addProblem(`the manifest and the ranking disagree about ${part.file}. Run "betr rank".`);
  }
}

/** Checks that the ranking has every chunk of the plan completely, and nothing else. */
export async function verifyPlan(
  run: Run,
  ranking: Ranking | undefined,
  addProblem: AddProblem,
): Promise<void> {
  const plan = await orReport(addProblem, readPlan(run));
  if (plan === undefined || ranking === undefined) return;
  const byChunk = new Map<string, ListedPart[]>();
  for (const part of ranking.parts)
    byChunk.set(chunkOf(part.file) ?? '', [...(byChunk.get(chunkOf(part.file) ?? '') ?? []), part]);
  const tasks = listTasks(run, plan);
  const missing = tasks.filter(({ name }) => !isWhole(byChunk.get(name))).length;
  if (missing > 0)
    addProblem(
      `${missing} of the ${tasks.length} chunks of ${basename(run.files.plan)} are not in the ranking. ` +
        'Run "betr rank".',
    );
  for (const { name } of tasks) byChunk.delete(name);
  if (byChunk.size > 0)
    addProblem(
      `${byChunk.size} chunks of the ranking are not in ${basename(run.files.plan)}. Run "betr rank".`,
    );
}
