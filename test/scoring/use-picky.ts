// Adds the picky scorer for the tests of the file that imports this one.

import { afterAll, beforeAll } from '@jest/globals';
import { scorerKinds } from '../../scoring/scorers/list.ts';
import { picky } from './picky-scorer.ts';

beforeAll(() => void scorerKinds.push(picky));
afterAll(() => void scorerKinds.splice(scorerKinds.indexOf(picky), 1));
