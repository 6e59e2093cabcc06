// The hash of a model's or tokenizer's folder, as job.json and cards name it: SHA-256 over a line "NAME SHA256" for
// each file that decides what the model computes, sorted by name.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { sha256File } from '../../data/files/hash-files.ts';
import { listFolder } from '../../data/files/files.ts';

const decides =
  /^(?:.*\.safetensors|config\.json|generation_config\.json|tokenizer.*\.json|special_tokens_map\.json|vocab\.json|merges\.txt)$/s;

/** The hash as hex; undefined if the folder has no such file. Errors: those of reading. */
export async function hashModelFolder(folder: string): Promise<string | undefined> {
  const names = (await listFolder(folder)).filter((name) => decides.test(name)).sort();
  if (names.length === 0) return undefined;
  const hash = createHash('sha256');
  for (const name of names) hash.update(`${name} ${await sha256File(join(folder, name))}\n`);
  return hash.digest('hex');
}
