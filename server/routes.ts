// All routes of the server, in the order of the documentation.

import { readVersion } from '../run/version.ts';
import { auditRoutes } from './routes/audit.ts';
import { calibrationRoutes } from './routes/calibrations.ts';
import { compareRoutes } from './routes/compare.ts';
import { documentRoutes } from './routes/documents.ts';
import { domainRoutes } from './routes/domains.ts';
import { evaluationRoutes } from './routes/evaluation.ts';
import { exampleRoutes } from './routes/examples.ts';
import { jobRoutes } from './routes/jobs.ts';
import { rankRoutes } from './routes/rank.ts';
import { healthRoutes } from './routes/health.ts';
import { mixtureRoutes } from './routes/mixture.ts';
import { openApiRoutes } from './routes/docs.ts';
import { pageRoutes } from './routes/page.ts';
import { rankingRoutes } from './routes/rankings.ts';
import { pairRoutes } from './routes/pairs.ts';
import type { Route } from './route.ts';
import { scoreRoutes } from './routes/score.ts';
import { selectionRoutes } from './routes/selection.ts';
import { trainingRoutes } from './routes/training.ts';
import { trialRoutes } from './routes/trials.ts';
import { whyRoutes } from './routes/why.ts';

const routes: readonly Route[] = [
  ...rankRoutes,
  ...compareRoutes,
  ...calibrationRoutes,
  ...rankingRoutes,
  ...exampleRoutes,
  ...mixtureRoutes,
  ...domainRoutes,
  ...evaluationRoutes,
  ...auditRoutes,
  ...documentRoutes,
  ...whyRoutes,
  ...scoreRoutes,
  ...selectionRoutes,
  ...jobRoutes,
  ...trainingRoutes,
  ...trialRoutes,
  ...pairRoutes,
  ...healthRoutes,
  ...pageRoutes,
];

export const allRoutes: readonly Route[] = [...routes, ...openApiRoutes(routes, readVersion())];
