// Runs `betr index` for the settings file on the command line, in a process that a test can kill.

import { silent } from '../../run/progress.ts';
import { openRun } from '../../run/run.ts';
import { runIndex } from '../../indexer/index.ts';

await runIndex(await openRun(process.argv[2] ?? ''), silent);
