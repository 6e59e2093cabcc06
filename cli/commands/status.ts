// `betr status`: what the run folder contains, and what the next command would do.

import { dirname } from 'node:path';
import type { Command } from 'commander';
import { type Card, readCard } from '../../classifier/classifier-card.ts';
import { listOutdated } from '../../classifier/outdated.ts';
import { listAtWork, surveyCorpus } from '../../scoring/survey.ts';
import { BetrError } from '../../run/errors/errors.ts';
import { openRun, rankCommandOf, type Run } from '../../run/run.ts';
import { listRankings, rankingRun } from '../../scoring/scorers/list.ts';
import { judgeOf, readJudgeProgress } from '../../scoring/judge-progress.ts';
import { compareShards, shardsOf } from '../../scoring/shard-changes.ts';
import { readIndexCard } from '../../indexer/index-card.ts';
import { readRanking } from '../../ranking/generation.ts';
import { readDrift } from '../../ranking/drift.ts';
import { readJobStates } from '../../models/trainer/state.ts';
import { rankingCommand, type RankingOptions } from '../options.ts';
import { printResult } from '../output.ts';
import { type Status, describeStatus } from '../status-text.ts';

export function statusCommand(): Command {
  return rankingCommand('status', 'show what the run contains and what remains to be done').action(
    async ({ config, scorer, json }: RankingOptions) => {
      const run = await openRun(config);
      const status = await readStatus(rankingRun(run, scorer), scorer);
      printResult(json, status, describeStatus(status));
      if (status.problems.length > 0) process.exitCode = 1;
    },
  );
}

async function readStatus(run: Run, scorer: string): Promise<Status> {
  const problems: string[] = [];
  const ifThere = async <T>(read: Promise<T>): Promise<T | null> => {
    try {
      return await read;
    } catch (error) {
      if (!(error instanceof BetrError)) throw error;
      if (error.code !== 'STEP_MISSING' && !problems.includes(error.message)) problems.push(error.message);
      return null;
    }
  };
  const { published, unfinished } = await listRankings(run);
  const judge = judgeOf(scorer);
  const index = await ifThere(readIndexCard(run));
  const card: Card | null = await ifThere(readCard(run));
  const ranking = await ifThere(readRanking(run));
  const corpus = await ifThere(surveyCorpus(run));
  for (const problem of corpus?.problems ?? [])
    problems.push(`${problem}. "${rankCommandOf(run)}" scores the missing part again.`);
  return {
    folder: run.folder,
    scorer,
    rankingFolder: dirname(run.files.ranking),
    rankings: published,
    unfinished,
    judge: judge === undefined ? null : ((await ifThere(readJudgeProgress(run, judge))) ?? null),
    index: index === null ? null : { corpus: index.corpus, sample: index.sample, warnings: index.warnings },
    classifier:
      card === null
        ? null
        : { rocAuc: card.outputs[0]?.heldOut.rocAuc.value ?? Number.NaN, documents: card.documents.training },
    ranking:
      ranking === null
        ? null
        : {
            generation: ranking.generation,
            publishedAt: ranking.publishedAt,
            documents: ranking.documents,
            tokens: ranking.tokens,
            estimatedDocuments: ranking.estimatedDocuments,
            unknown: ranking.unknown,
            quarantined: ranking.quarantined,
          },
    drift: ranking === null ? null : ((await ifThere(readDrift(run, ranking))) ?? null),
    shardsToScore: corpus?.unscored ?? null,
    chunks: corpus?.chunks ?? null,
    atWork: await listAtWork(run),
    changes: compareShards(corpus === null ? [] : shardsOf(ranking?.parts ?? []), corpus?.shards ?? []),
    training: await readJobStates(run.files.training),
    outdated: run.ranking === '' ? await listOutdated(run) : [],
    problems,
  };
}
