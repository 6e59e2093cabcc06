// Starts processes as a user without root's privileges.

import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { tmpdir } from 'node:os';
import { betrPath } from './cli/project.ts';

/** The user id of "nobody" on most systems. */
export const nobody = 65_534;

/**
 * Spawn options to run as an ordinary user: the current one, or `uid` if that is root. Undefined, after
 * printing why, if that user cannot read the code or the temporary files, for example in a clone below /root.
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
    'skipped: another user cannot run betr from this folder or reach the temporary files\n',
  );
  return undefined;
}
