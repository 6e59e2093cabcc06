// The documentation against the product: everything it names exists, and everything it should name is named.

import { describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { jobSchema } from '../../models/trainer/job.ts';
import { settingsSchema } from '../../run/settings.ts';
import { scorerKinds } from '../../scoring/scorers/list.ts';
import { allRoutes } from '../../server/routes.ts';
import { loadCommands, makeReference, withCommands } from './reference.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const inDocs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md'));
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...inDocs.map((name) => `docs/${name}`)];
/** The pages about the code, in which every path is one of the repository. */
const aboutCode = ['CONTRIBUTING.md', 'docs/architecture.md'];
const texts = new Map(
  await Promise.all(
    pages.map(async (page): Promise<[string, string]> => [page, await readFile(join(root, page), 'utf8')]),
  ),
);
const all = [...texts.values()].join('\n');

describe('the documentation', () => {
  it('has reference pages as `npm run docs` generates them', async () => {
    for (const [name, text] of Object.entries(await makeReference()))
      expect(texts.get(`docs/${name}`)).toBe(text);
  });

  it('uses only commands and options that exist', async () => {
    const commands = new Map(
      (await loadCommands()).map((command) => [
        command.name(),
        withCommands(command)
          .flatMap(({ options }) => options)
          .flatMap(({ long, short }) => [long, short].filter((flag) => flag !== undefined)),
      ]),
    );
    const unknown: string[] = [];
    let seen = 0;
    for (const [page, text] of texts) {
      for (const line of commandLines(text)) {
        const [name = '', ...words] = line.split(/\s+/);
        const options = commands.get(name);
        seen++;
        if (options === undefined) unknown.push(`${page}: betr ${line}`);
        else
          for (const flag of words.filter((word) => /^--[a-z]/.test(word)))
            if (![...options, '--help'].includes(flag.replace(/=.*/, '')))
              unknown.push(`${page}: betr ${line}: ${flag}`);
      }
    }
    expect(unknown).toEqual([]);
    expect(seen).toBeGreaterThan(50);
  });

  it('names every command and every page in its index', async () => {
    const index = texts.get('docs/README.md') ?? '';
    for (const command of await loadCommands())
      expect(index).toMatch(new RegExp(`\`betr ${command.name()}\\b`));
    for (const name of inDocs.filter((page) => page !== 'README.md'))
      expect(index).toMatch(new RegExp(`\\(${name}[)#]`));
  });

  it('names every setting with its default', () => {
    const page = texts.get('docs/settings.md') ?? '';
    const settings = listSettings(z.toJSONSchema(settingsSchema, { io: 'input' }));
    expect(settings.length).toBeGreaterThan(40);
    for (const { key, byDefault } of settings) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${key}\` |`));
      expect(row === undefined ? `${key} is not in docs/settings.md` : row).toContain(
        byDefault === undefined ? key : `| \`${byDefault}\` |`,
      );
    }
  });

  it('names every setting of a training job with its default', () => {
    const page = texts.get('docs/trainer.md') ?? '';
    // Rows of tables, and paragraphs.
    const blocks = page.split(/\n(?=\|)|\n\n/);
    const seen = jobSchema.options.flatMap((kind) => listSettings(z.toJSONSchema(kind, { io: 'input' })));
    expect(seen.length).toBeGreaterThan(80);
    for (const { key, byDefault } of seen) {
      const names = [key, key.replace(/^.*\./, '')].map((name) => `\`${name}\``);
      const isNamed = (block: string): boolean => names.some((name) => block.includes(name));
      const shown =
        byDefault === undefined || byDefault === '' || !key.startsWith('settings.') ? '' : byDefault;
      const described = blocks.some(
        (block) => isNamed(block) && (shown === '' || block.includes(`\`${shown}`)),
      );
      expect(described ? '' : `${key} (${shown}) is not in docs/trainer.md`).toBe('');
    }
  });

  it('lists every scorer', () => {
    const page = texts.get('docs/scorers.md') ?? '';
    const listed = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, usage]) => usage);
    expect(listed).toEqual(expect.arrayContaining(scorerKinds.map(({ usage }) => usage)));
  });

  it('names every route of the server', () => {
    const page = texts.get('docs/server.md') ?? '';
    const paths = allRoutes
      .map(({ path }) => path.replace(/:(\w+)/g, '{$1}'))
      .filter((path) => !path.startsWith('/page/'));
    expect(paths.filter((path) => !page.includes(path))).toEqual([]);
  });

  it('uses only npm scripts and make targets that exist', async () => {
    const { scripts } = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
    for (const [, name = ''] of all.matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g))
      expect(Object.keys(scripts)).toContain(name);
    const makefile = await readFile(join(root, 'Makefile'), 'utf8');
    for (const [, name = ''] of all.matchAll(/`make ([a-z-]+)[` ]/g))
      expect(makefile).toMatch(new RegExp(`^${name}:`, 'm'));
  });

  it('links only to files and sections that exist', () => {
    const broken: string[] = [];
    for (const [page, text] of texts) {
      for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(link)) continue;
        const [path = '', section] = link.split('#');
        const target = path === '' ? page : join(dirname(page), path);
        if (
          !existsSync(join(root, target)) ||
          (section !== undefined && !headings(texts.get(target) ?? '').includes(section))
        )
          broken.push(`${page}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('names only files and folders of the code that exist', () => {
    const missing: string[] = [];
    let seen = 0;
    for (const [page, text] of texts) {
      for (const path of codePaths(page, text)) {
        seen++;
        if (!existsSync(join(root, path))) missing.push(`${page}: ${path}`);
      }
    }
    expect(missing).toEqual([]);
    expect(seen).toBeGreaterThan(50);
  });

  it('lists the rooms as the lint rule does', async () => {
    const [, list = ''] =
      /const rooms = \[([^\]]+)\]/.exec(await readFile(join(root, 'eslint.config.js'), 'utf8')) ?? [];
    const rooms = [...list.matchAll(/'([a-z]+)'/g)].map(([, room]) => room);
    const listed = [...(texts.get('docs/architecture.md') ?? '').matchAll(/^\| `([a-z]+)\/` +\|/gm)].map(
      ([, room]) => room,
    );
    expect(rooms.length).toBeGreaterThan(10);
    expect(new Set(listed)).toEqual(new Set(rooms));
  });

  it('gives the purpose of every dependency, and lists no others', async () => {
    const packages = z.record(z.string(), z.string());
    const { dependencies, optionalDependencies, devDependencies } = z
      .object({ dependencies: packages, optionalDependencies: packages, devDependencies: packages })
      .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
    const python = await readFile(join(root, 'trainer/constraints.txt'), 'utf8');
    const named = [...(texts.get('docs/dependencies.md') ?? '').matchAll(/^\| ([^|]+) \|/gm)]
      .flatMap(([, cell = '']) => cell.split(', ').map((name) => name.replace(' (optional)', '').trim()))
      .filter((name) => name !== 'package' && !name.startsWith('---'));
    expect(named.sort()).toEqual(
      [
        ...Object.keys(dependencies),
        ...Object.keys(optionalDependencies),
        ...Object.keys(devDependencies),
        ...[...python.matchAll(/^([\w-]+)==/gm)].map(([, name = '']) => name),
      ].sort(),
    );
  });
});

/** What follows `betr` in code blocks and inline code; for a line with several commands, each of them. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/```([a-z]*)\n([^]*?)```/g)]
    .filter(([, language = '']) => ['', 'sh', 'crontab', 'ini'].includes(language))
    .flatMap(([, , block = '']) => block.split('\n'));
  const inline = [...text.replaceAll(/```[^]*?```/g, '').matchAll(/`((?:npx )?betr [^`]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...blocks, ...inline].flatMap((line) =>
    [...line.replace(/\s#.*/, '').matchAll(/(?:^|\s|\/)betr ([a-z]+(?: [^;&|>#]*)?)/g)].map(
      ([, command = '']) => command.trim().replaceAll(/[[\]"']/g, ' '),
    ),
  );
}

/**
 * The repository paths in a page's inline code. In most pages only source files count, because a run has
 * folders with the same names as rooms. In the pages about the code every path counts; one with a NAME to
 * fill in stands for its folder.
 */
function codePaths(page: string, text: string): string[] {
  const inline = [...text.replaceAll(/```[^]*?```/g, '').matchAll(/`([\w.-]+(?:\/[\w.*-]*)*)`/g)].map(
    ([, code = '']) => code,
  );
  const isSource = (path: string): boolean => /^[a-z]+\/.*\.(?:ts|js)$/.test(path);
  const isPath = (path: string): boolean =>
    isSource(path) || (aboutCode.includes(page) && /^[a-z.]+\//.test(path));
  return inline
    .filter((path) => isPath(path) && !/^(?:dist|node_modules)\//.test(path))
    .map((path) => path.replace(/(?:NAME|\*).*$/, ''));
}

interface SettingRow {
  key: string;
  byDefault: string | undefined;
}

const schemaNode = z.object({
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  default: z.unknown().optional(),
});

/** The leaves of the settings' schema. */
function listSettings(schema: unknown, path = ''): SettingRow[] {
  const { properties, items, default: byDefault } = schemaNode.parse(schema);
  if (properties !== undefined)
    return Object.entries(properties).flatMap(([name, child]) =>
      listSettings(child, path === '' ? name : `${path}.${name}`),
    );
  const inner = typeof items === 'object' && items !== null ? schemaNode.parse(items) : undefined;
  if (inner?.properties !== undefined) return listSettings(items, `${path}[]`);
  return [
    { key: path, byDefault: byDefault === undefined ? undefined : [byDefault].flat().map(show).join(', ') },
  ];
}

function show(value: unknown): string {
  return typeof value === 'number' && value >= 1e15 ? value.toExponential().replace('+', '') : String(value);
}

function headings(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
}
