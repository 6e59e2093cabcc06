// Every route of the server, in the order of its documentation.

import { documentRoutes } from './documents.ts';
import { jobRoutes } from './jobs-routes.ts';
import { rankRoutes } from './rank-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { mixtureRoutes } from './mixture-routes.ts';
import { pageRoutes } from './page.ts';
import type { Route } from './route.ts';
import { scoreRoutes } from './score.ts';
import { selectionRoutes } from './selection.ts';
import { whyRoutes } from './why.ts';

export const allRoutes: readonly Route[] = [...rankRoutes, ...mixtureRoutes, ...documentRoutes, ...whyRoutes, ...scoreRoutes, ...selectionRoutes, ...jobRoutes, ...healthRoutes, ...pageRoutes];
