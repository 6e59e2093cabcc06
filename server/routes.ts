// Every route of the server, in the order of its documentation.

import { rankRoutes } from './rank-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { mixtureRoutes } from './mixture-routes.ts';
import { pageRoutes } from './page.ts';
import type { Route } from './route.ts';

export const allRoutes: readonly Route[] = [...rankRoutes, ...mixtureRoutes, ...healthRoutes, ...pageRoutes];
