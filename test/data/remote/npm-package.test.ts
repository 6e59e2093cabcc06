import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, jest } from '@jest/globals';
import { fetchNpmPackage, type NpmPackage } from '../../../data/remote/npm-package.ts';
import { withFolder } from '../collect.ts';
import { longTest } from '../../long.ts';

/** Packs a package, and says how it is asked for. */
async function pack(
  folder: string,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<{ bytes: Buffer; asked: NpmPackage }> {
  for (const [path, text] of Object.entries({
    ...files,
    'package.json': JSON.stringify({
      name,
      version: '1.2.3',
      scripts: { postinstall: 'exit 1', prepack: 'exit 1' },
    }),
  })) {
    const target = join(folder, 'sources', name, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', join(folder, 'sources', name), '--ignore-scripts', '--pack-destination', folder],
    { cwd: folder },
  );
  const bytes = await readFile(join(folder, stdout.trim()));
  return {
    bytes,
    asked: {
      spec: `${name}@1.2.3`,
      integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    },
  };
}

/** Serves packages like the npm registry, with a separate cache folder for betr. */
async function withRegistry(
  packages: Readonly<Record<string, Buffer>>,
  folder: string,
  use: () => Promise<void>,
): Promise<void> {
  const server = createServer(({ url = '' }, response) => {
    const name = decodeURIComponent(url.slice(1)).replace(/\.tgz$/, '');
    const bytes = packages[name];
    if (bytes === undefined) response.writeHead(404).end('{}');
    else if (url.endsWith('.tgz')) response.end(bytes);
    else
      response.end(
        JSON.stringify({
          name,
          'dist-tags': { latest: '1.2.3' },
          versions: {
            '1.2.3': {
              name,
              version: '1.2.3',
              dist: { tarball: `${registry}/${encodeURIComponent(name)}.tgz` },
            },
          },
        }),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const registry = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const environment = jest.replaceProperty(process, 'env', {
    ...process.env,
    npm_config_registry: registry,
    npm_config_cache: join(folder, 'npm-cache'),
    npm_config_fetch_retries: '0',
    BETR_CACHE: join(folder, 'cache'),
  });
  try {
    await use();
  } finally {
    environment.restore();
    server.closeAllConnections();
    server.close();
  }
}

describe('a package that is fetched', () => {
  longTest('has the requested files and its dependencies, and is cached', () =>
    withFolder(async (folder) => {
      const main = await pack(folder, 'made-main', {
        'lib/main.js': "module.exports = require('@made/part')",
        'bin/linux/x64/a.node': 'a',
        'bin/win32/x64/a.node': 'b',
      });
      const part = await pack(folder, '@made/part', { 'index.js': 'module.exports = 42' });
      const asked = {
        ...main.asked,
        only: ['package.json', 'lib', 'bin/linux/x64'],
        dependencies: [part.asked],
      };
      await withRegistry({ 'made-main': main.bytes, '@made/part': part.bytes }, folder, async () => {
        const found = await fetchNpmPackage(asked);
        expect(
          (await readdir(found, { recursive: true })).filter((path) => /\.\w+$/.test(path)).sort(),
        ).toEqual([
          'bin/linux/x64/a.node',
          'lib/main.js',
          'node_modules/@made/part/index.js',
          'node_modules/@made/part/package.json',
          'package.json',
        ]);
        // Another platform that shares the cache has a separate folder, and so does the complete package.
        expect(await fetchNpmPackage({ ...asked, only: ['package.json', 'bin/win32/x64'] })).not.toBe(found);
        expect(await readdir(join(await fetchNpmPackage(main.asked), 'bin'))).toEqual(['linux', 'win32']);
        expect(await readdir(join(folder, 'cache', 'npm'))).toHaveLength(3);
      });
      // Without a registry.
      await withRegistry({}, folder, async () => {
        expect(await readFile(join(await fetchNpmPackage(asked), 'lib', 'main.js'), 'utf8')).toContain(
          '@made/part',
        );
      });
    }),
  );

  longTest('is refused and not cached if it or a dependency is changed or missing', () =>
    withFolder(async (folder) => {
      const main = await pack(folder, 'made-main', { 'index.js': '1' });
      const part = await pack(folder, 'made-part', { 'index.js': '2' });
      const asked = { ...main.asked, dependencies: [part.asked] };
      await withRegistry({ 'made-main': main.bytes, 'made-part': main.bytes }, folder, async () => {
        await expect(fetchNpmPackage(asked)).rejects.toMatchObject({
          code: 'NPM_PACKAGE_UNAVAILABLE',
          message: expect.stringContaining(`instead of ${part.asked.integrity}`),
        });
        await expect(fetchNpmPackage({ ...main.asked, integrity: 'sha512-other' })).rejects.toMatchObject({
          message: expect.stringContaining('instead of sha512-other'),
        });
      });
      await rm(join(folder, 'npm-cache'), { recursive: true });
      await withRegistry({ 'made-main': main.bytes }, folder, async () => {
        await expect(fetchNpmPackage(asked)).rejects.toMatchObject({
          code: 'NPM_PACKAGE_UNAVAILABLE',
          message: expect.stringMatching(/made-main@1\.2\.3 cannot be fetched: .*(404|made-part)/),
        });
      });
      expect(await readdir(join(folder, 'cache', 'npm'))).toEqual([]);
    }),
  );
});
