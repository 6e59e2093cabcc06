// Adds the picky scorer to those of a process that starts with `node --import` of this file.

import { scorerKinds } from '../../scoring/scorers/list.ts';
import { picky } from './picky-scorer.ts';

scorerKinds.push(picky);
