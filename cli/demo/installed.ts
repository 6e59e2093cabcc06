// Documentation and source code of the npm packages installed beside the product: only packages under an
// open license, and only those that are the same on every platform.

import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { keyHash } from '../../data/files/hash.ts';
import { numberPassages } from './books.ts';
import type { DemoText } from './text.ts';

export interface InstalledPackage {
  /** NAME@VERSION. */
  spec: string;
  license: string;
  folder: string;
}

const packageSchema = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  os: z.unknown().optional(),
  cpu: z.unknown().optional(),
});
const openLicense =
  /^\(?(0BSD|Apache-2\.0|BSD-[23]-Clause|BlueOak-1\.0\.0|CC0-1\.0|ISC|MIT(-0)?|Unlicense|Python-2\.0|CC-BY-[34]\.0)\b/;

/**
 * The node_modules folder that holds the product's dependencies: inside `productFolder`, or around it if
 * the product is itself installed as a package.
 */
export function modulesFolder(productFolder: string): string {
  const parent = dirname(productFolder);
  return basename(parent) === 'node_modules' ? parent : join(productFolder, 'node_modules');
}

/** The packages in a node_modules folder, nested ones included, each NAME@VERSION once, sorted. */
export async function listPackages(folder: string): Promise<InstalledPackage[]> {
  const found = new Map<string, InstalledPackage>();
  await collectPackages(folder, found);
  return [...found.values()].sort((a, b) => (a.spec < b.spec ? -1 : 1));
}

async function collectPackages(folder: string, found: Map<string, InstalledPackage>): Promise<void> {
  for (const name of await listFolders(folder)) {
    const path = join(folder, name);
    if (name.startsWith('@')) {
      await collectPackages(path, found);
      continue;
    }
    const known = await readPackage(path);
    if (known !== undefined && !found.has(known.spec)) found.set(known.spec, known);
    await collectPackages(join(path, 'node_modules'), found);
  }
}

async function readPackage(folder: string): Promise<InstalledPackage | undefined> {
  try {
    const { name, version, license, os, cpu } = packageSchema.parse(
      JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')),
    );
    return os !== undefined || cpu !== undefined || !openLicense.test(license)
      ? undefined
      : { spec: `${name}@${version}`, license, folder };
  } catch {
    return undefined;
  }
}

async function listFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .sort();
}

const noDocumentation = /^(changelog|history|licen[cs]e|security|code_of_conduct|contributing|third)/i;

/** Markdown files, except changelogs and licenses. */
export async function* readDocs(packages: readonly InstalledPackage[]): AsyncGenerator<DemoText> {
  for (const { path, name } of await listTexts(
    packages,
    (file) => /\.(md|markdown)$/i.test(file) && !noDocumentation.test(file),
  )) {
    yield* numberPassages(name, await readFile(path, 'utf8'));
  }
}

const codeEndings = new Set(['.ts', '.mts', '.js', '.mjs', '.cjs', '.py']);
const codeDocuments = 8_000;
const passagesPerFile = 8;
const longestLine = 300;
/** A file with a larger share of digits is a table of numbers. */
const mostDigits = 0.15;

/**
 * Passages of source files: the first ones of each file, with files in hash order; minified files and
 * tables of numbers are left out.
 */
export async function* readCode(packages: readonly InstalledPackage[]): AsyncGenerator<DemoText> {
  const files = (
    await listTexts(packages, (file) => codeEndings.has(extname(file)) && !/\.min\./.test(file))
  ).map((file) => ({ ...file, hash: keyHash(file.name, 1) }));
  files.sort((a, b) => (a.hash < b.hash ? -1 : 1));
  let documents = 0;
  for (const { path, name } of files) {
    if (documents >= codeDocuments) return;
    const code = await readFile(path, 'utf8');
    if (
      code.split('\n', 200).some((line) => line.length > longestLine) ||
      code.replace(/\D/g, '').length > mostDigits * code.length
    )
      continue;
    const passages = [...numberPassages(name, code.slice(0, 20_000))].slice(0, passagesPerFile);
    documents += passages.length;
    yield* passages;
  }
}

/** The packages' files whose own name is wanted, as path and as SPEC/PATH-INSIDE, in order. */
async function listTexts(
  packages: readonly InstalledPackage[],
  isWanted: (file: string) => boolean,
): Promise<{ path: string; name: string }[]> {
  const texts: { path: string; name: string }[] = [];
  for (const { spec, folder } of packages) {
    for (const path of (await listDeep(folder)).sort()) {
      if (isWanted(basename(path)))
        texts.push({ path, name: `${spec}/${relative(folder, path).split(sep).join('/')}` });
    }
  }
  return texts;
}

async function listDeep(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile()) paths.push(path);
    else if (entry.isDirectory() && entry.name !== 'node_modules') paths.push(...(await listDeep(path)));
  }
  return paths;
}
