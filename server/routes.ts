// Every route of the server, in the order of its documentation.

import { readVersion } from '../data/version.ts';
import { calibrationRoutes } from './calibration-routes.ts';
import { compareRoutes } from './compare-routes.ts';
import { documentRoutes } from './documents.ts';
import { domainRoutes } from './domains.ts';
import { evaluationRoutes } from './evaluation.ts';
import { exampleRoutes } from './examples-routes.ts';
import { jobRoutes } from './jobs-routes.ts';
import { rankRoutes } from './rank-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { mixtureRoutes } from './mixture-routes.ts';
import { openApiRoutes } from './openapi.ts';
import { pageRoutes } from './page.ts';
import { rankingRoutes } from './ranking-routes.ts';
import type { Route } from './route.ts';
import { scoreRoutes } from './score.ts';
import { selectionRoutes } from './selection.ts';
import { whyRoutes } from './why.ts';

const routes: readonly Route[] = [...rankRoutes, ...compareRoutes, ...calibrationRoutes, ...rankingRoutes, ...exampleRoutes, ...mixtureRoutes, ...domainRoutes, ...evaluationRoutes, ...documentRoutes, ...whyRoutes, ...scoreRoutes, ...selectionRoutes, ...jobRoutes, ...healthRoutes, ...pageRoutes];

export const allRoutes: readonly Route[] = [...routes, ...openApiRoutes(routes, readVersion())];
