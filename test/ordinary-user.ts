// Processes of a user who may not do everything, as root may.

import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { tmpdir } from 'node:os';
import { betrPath } from './cli/project.ts';

/** No user of most systems, and of a container none that has a name. */
export const nobody = 65_534;

/**
 * How to start a process as an ordinary user: as oneself, or as nobody where that is root. undefined, after a
 * line that says so, where nobody cannot read the code or reach the temporary files, as in a clone below a
 * folder that is closed to others.
 */
export function asOrdinaryUser(uid = nobody): SpawnSyncOptions | undefined {
  if (process.getuid?.() !== 0) return {};
  const user = { uid, gid: uid, cwd: '/' };
  if (
    spawnSync(process.execPath, [betrPath, '--version'], user).status === 0 &&
    spawnSync('test', ['-x', tmpdir()], user).status === 0
  )
    return user;
  process.stdout.write(
    'skipped: another user cannot run betr from where it lies here, or reach the temporary files, as in ' +
      "a folder that is root's alone\n",
  );
  return undefined;
}
