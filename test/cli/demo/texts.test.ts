// The demo's texts, cut out of packages.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readableMail, readEntry } from '../../../cli/demo/collections.ts';
import { listPackages, modulesFolder, readCode, readDocs } from '../../../cli/demo/installed.ts';
import { cutPassages } from '../../../cli/demo/passages.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-demo-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('passages', () => {
  const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

  it('keep every word in its order, whatever the text', () => {
    const sentence = fc
      .array(fc.constantFrom('a', 'Word', 'end.', 'Stop!', '"Why?"', '\n', '\n\n', '  '), { maxLength: 60 })
      .map((parts) => parts.join(' '));
    fc.assert(
      fc.property(sentence, fc.integer({ min: 5, max: 100 }), (text, characters) => {
        expect(words(cutPassages(text, characters).join(' '))).toEqual(words(text));
      }),
    );
  });

  it('are cut at blank lines, else between sentences, and a short rest stays with the one before it', () => {
    expect(cutPassages('One is here.\n\nTwo is here.\n\nThree is.', 20)).toEqual([
      'One is here.\n\nTwo is here.',
      'Three is.',
    ]);
    expect(cutPassages('One is here. Two is here. Three is here too.', 20)).toEqual([
      'One is here. Two is here.',
      'Three is here too.',
    ]);
    expect(cutPassages('One is here, and more of it.\n\nTwo.', 28)).toEqual([
      'One is here, and more of it.\n\nTwo.',
    ]);
    expect(cutPassages(' \n\n ', 20)).toEqual([]);
  });
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('texts out of packages', () => {
  it("are a mail's subject and body, with HTML's tags and the encoding taken off; attachments are none", () => {
    expect(readableMail('Received: from a\nSubject: Hello\nX-Other: 1\n\nBody here\n')).toBe(
      'Subject: Hello\n\nBody here',
    );
    expect(
      readableMail('Subject: S\nContent-Transfer-Encoding: quoted-printable\n\nA=20long =\nline =3D one'),
    ).toBe('Subject: S\n\nA long line = one');
    expect(
      readableMail('Subject: S\n\n<html><style>p {}</style><p>Buy &amp; win</p>\n\n<br>now</html>'),
    ).toBe('Subject: S\n\nBuy & win\nnow');
    expect(readableMail(`Subject: S\n\n${'QUJD'.repeat(19)}\n`)).toBeUndefined();
    expect(readableMail('Subject: empty\n\n')).toBeUndefined();
  });

  it("are a dictionary's words with their definition", () => {
    expect(
      readEntry(
        '02124272 05 n 02 cat 0 true_cat 0 002 @ 02123649 n 0000 ~ 1 n 0000 | feline mammal; "no cat"  ',
      ),
    ).toEqual({
      offset: '02124272',
      subject: '05',
      word: 'cat',
      text: 'cat, true cat: feline mammal; "no cat"',
    });
    expect(readEntry('00001740 00 a 01 able(p) 0 000 | having the means')).toMatchObject({
      text: 'able: having the means',
    });
    expect(readEntry('  1 This software and database | licence')).toBeUndefined();
  });

  it(
    'are documentation and code of packages that anybody may use, without lists of changes, minified ' +
      'files and tables of numbers',
    async () => {
      const modules = join(folder, 'node_modules');
      const install = async (name: string, about: object, files: Record<string, string>): Promise<void> => {
        for (const [file, text] of Object.entries({
          'package.json': JSON.stringify({ name, version: '1.0.0', license: 'MIT', ...about }),
          ...files,
        })) {
          await mkdir(dirname(join(modules, name, file)), { recursive: true });
          await writeFile(join(modules, name, file), text);
        }
      };
      await install(
        'b',
        {},
        {
          'README.md': 'About b.',
          'CHANGELOG.md': '1.0.0',
          'index.js': 'export const b = 1;',
          'b.min.js': 'b',
          'long.js': 'x'.repeat(400),
          'table.js': 'wrap([10, 21, 32, 43]);',
        },
      );
      await install('b/node_modules/inner', { name: 'inner' }, { 'readme.md': 'About inner.' });
      await install('@scope/a', { license: 'Apache-2.0' }, { 'docs/use.md': 'Use of a.' });
      await install('closed', { license: 'UNLICENSED' }, { 'README.md': 'no' });
      await install('one-platform', { os: ['linux'] }, { 'README.md': 'no' });
      const packages = await listPackages(modules);
      expect(packages.map(({ spec, license }) => `${spec} ${license}`)).toEqual([
        '@scope/a@1.0.0 Apache-2.0',
        'b@1.0.0 MIT',
        'inner@1.0.0 MIT',
      ]);
      expect(await collect(readDocs(packages))).toEqual([
        { id: '@scope/a@1.0.0/docs/use.md#0', text: 'Use of a.' },
        { id: 'b@1.0.0/README.md#0', text: 'About b.' },
        { id: 'inner@1.0.0/readme.md#0', text: 'About inner.' },
      ]);
      expect(await collect(readCode(packages))).toEqual([
        { id: 'b@1.0.0/index.js#0', text: 'export const b = 1;' },
      ]);
    },
  );

  it('lie inside the product, or around it where it is installed itself', () => {
    expect(modulesFolder('/home/me/betr')).toBe('/home/me/betr/node_modules');
    expect(modulesFolder('/home/me/project/node_modules/betr')).toBe('/home/me/project/node_modules');
  });
});
