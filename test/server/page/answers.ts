// What the page reads of the server's answers, held against what the server answers. Nothing here runs: where
// an answer does not fit the page's type of it any more, the build fails.

import type { z } from 'zod';
import type { DomainWeights } from '../../../domains/result.ts';
import type { Calibration } from '../../../ranking/budget/calibrations.ts';
import type { Comparison } from '../../../ranking/budget/compare-budgets.ts';
import type { Curve } from '../../../ranking/budget/curve.ts';
import type { Evaluation } from '../../../evaluation/evaluation.ts';
import type { DocumentsAnswer } from '../../../server/routes/documents.ts';
import { examplesSchema } from '../../../server/routes/examples.ts';
import { readySchema } from '../../../server/routes/health.ts';
import type { Job } from '../../../server/jobs/records.ts';
import type { CompositionAnswer, HistogramAnswer } from '../../../server/routes/mixture.ts';
import type { AuditDocument, AuditSaved, AuditState } from '../../../server/routes/audit.ts';
import type * as page from '../../../server/page/answers.ts';
import type * as trialPage from '../../../server/page/trial-answers.ts';
import type * as pairsPage from '../../../server/page/pairs-answers.ts';
import type * as auditPage from '../../../server/page/audit-answers.ts';
import { benchmarksSchema, rankingsSchema } from '../../../server/routes/rankings.ts';
import { trainingJobSchema, trainingListSchema } from '../../../server/routes/training.ts';
import { pairListSchema } from '../../../server/routes/pairs.ts';
import type { NearCut } from '../../../pairs/near-cut.ts';
import type { PairHistogram } from '../../../pairs/histogram.ts';
import type { WhyPair } from '../../../pairs/why.ts';
import { trialListSchema } from '../../../server/routes/trials.ts';
import type { TrialReport } from '../../../evaluation/trials/report-file.ts';
import type { Answer } from '../../../ranking/budget/question.ts';
import type { Why } from '../../../ranking/why/why.ts';

interface Server {
  rank: Answer;
  curve: Curve;
  histogram: HistogramAnswer;
  composition: CompositionAnswer;
  compare: Comparison;
  documents: DocumentsAnswer;
  why: Why;
  benchmarks: z.output<typeof benchmarksSchema>;
  calibrations: { calibrations: Calibration[] };
  rankings: z.output<typeof rankingsSchema>;
  job: Job;
  ready: z.output<typeof readySchema>;
  domains: DomainWeights;
  evaluation: Evaluation;
  examples: z.output<typeof examplesSchema>;
  training: z.output<typeof trainingListSchema>;
  trainingJob: z.output<typeof trainingJobSchema>;
  trials: z.output<typeof trialListSchema>;
  trial: TrialReport;
  pairs: z.output<typeof pairListSchema>;
  pairHistogram: PairHistogram;
  pairRows: NearCut;
  pairWhy: WhyPair;
  auditState: AuditState;
  auditDocument: AuditDocument;
  auditSaved: AuditSaved;
}

interface Page {
  rank: page.Answer;
  curve: page.Curve;
  histogram: page.Histogram;
  composition: page.Composition;
  compare: page.Comparison;
  documents: page.Margin;
  why: page.Why;
  benchmarks: page.Benchmarks;
  calibrations: page.Calibrations;
  rankings: page.Rankings;
  job: page.Job;
  ready: page.Ready;
  domains: page.Domains;
  evaluation: page.Evaluation;
  examples: page.Examples;
  training: page.Training;
  trainingJob: page.TrainingEvents;
  trials: trialPage.Trials;
  trial: trialPage.TrialReport;
  pairs: pairsPage.PairSets;
  pairHistogram: pairsPage.PairHistogram;
  pairRows: pairsPage.NearCut;
  pairWhy: pairsPage.WhyPair;
  auditState: auditPage.AuditState;
  auditDocument: auditPage.AuditDocument;
  auditSaved: auditPage.AuditSaved;
}

/** Every answer of the server is one that the page can take. */
export const taken: { [Route in keyof Server]: (answer: Server[Route]) => Page[Route] } = {
  rank: (answer) => answer,
  curve: (answer) => answer,
  histogram: (answer) => answer,
  composition: (answer) => answer,
  compare: (answer) => answer,
  documents: (answer) => answer,
  why: (answer) => answer,
  benchmarks: (answer) => answer,
  rankings: (answer) => answer,
  calibrations: (answer) => answer,
  job: (answer) => answer,
  ready: (answer) => answer,
  domains: (answer) => answer,
  evaluation: (answer) => answer,
  examples: (answer) => answer,
  training: (answer) => answer,
  trainingJob: (answer) => answer,
  trials: (answer) => answer,
  trial: (answer) => answer,
  pairs: (answer) => answer,
  pairHistogram: (answer) => answer,
  pairRows: (answer) => answer,
  pairWhy: (answer) => answer,
  auditState: (answer) => answer,
  auditDocument: (answer) => answer,
  auditSaved: (answer) => answer,
};
