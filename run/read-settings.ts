// Reads `betr.yaml` and reports every problem in it.

import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fail, reasonOf, systemCode } from './errors/errors.ts';
import { allowedBy, describeIssues } from './issues.ts';
import { readOnce } from './regular-file.ts';
import { type Settings, settingsSchema } from './settings.ts';
import { maxYamlBytes, parseYaml } from './yaml.ts';

export interface SettingsFile {
  /**
   * Absolute paths of the settings file and of the folder that its relative paths start from: its own folder,
   * or the current folder for a pipe.
   */
  path: string;
  folder: string;
  settings: Settings;
}

/**
 * Reads and validates a settings file or pipe. A folder stands for the settings file in it, or beside it if
 * it is a run folder. Errors: SETTINGS_NOT_FOUND, SETTINGS_INVALID, FILE_UNREADABLE.
 */
export async function readSettings(path: string): Promise<SettingsFile> {
  const absolute = findSettings(resolve(path));
  let text: string;
  try {
    text = await readOnce(absolute, maxYamlBytes);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error)))
      throw fail('SETTINGS_NOT_FOUND', { path: absolute }, error);
    throw fail('FILE_UNREADABLE', { path: absolute, reason: reasonOf(error) }, error);
  }
  return {
    path: absolute,
    folder: isStream(absolute) ? process.cwd() : dirname(absolute),
    settings: parseSettings(text, absolute),
  };
}

/** `<(command)` and /dev/stdin are in system folders, where no settings file is. */
function isStream(path: string): boolean {
  return /^\/(?:dev|proc)\//.test(path) || statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
}

function findSettings(path: string): string {
  if (!existsSync(path) || !statSync(path).isDirectory()) return path;
  const [inside, beside] = [join(path, settingsFile), join(dirname(path), settingsFile)];
  return !existsSync(inside) && existsSync(beside) ? beside : inside;
}

const settingsFile = 'betr.yaml';

/**
 * Parses the text of a settings file. Errors: SETTINGS_INVALID; every problem names the key, the value, and
 * what is allowed.
 */
export function parseSettings(text: string, path: string): Settings {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw fail('SETTINGS_INVALID', { path, problems: [reasonOf(error).trim()] }, error);
  }
  const result = settingsSchema.safeParse(value, { error: allowedBy });
  if (result.success) return result.data;
  throw fail('SETTINGS_INVALID', { path, problems: describeIssues(result.error.issues, value, 'the file') });
}
