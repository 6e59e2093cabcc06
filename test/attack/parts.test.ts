// Whatever keeps a part of the scores from being read is named, with its file and its reason, by every
// command that meets it; and `betr rank` mends what it can.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  cardFile,
  type ListedPart,
  listedPartSchema,
  type PartCard,
  partCardSchema,
  quarantineFile,
} from '../../scoring/part.ts';
import { foldedManifest, openOwnManifest } from '../../scoring/published.ts';
import { manifestLine, readManifest } from '../../data/files/manifest.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { makeCorpus, makeTrainedRun } from '../classifier/trained-run.ts';
import { betr } from '../cli/betr.ts';
import { betrPath } from '../cli/project.ts';
import { withFolder } from '../data/collect.ts';
import { asOrdinaryUser } from '../ordinary-user.ts';

/** A ranked run, which each test has a copy of. */
let whole: string;
beforeAll(async () => {
  whole = await mkdtemp(join(tmpdir(), 'betr-parts-'));
  await makeCorpus(whole);
  await rankCorpus(await makeTrainedRun(whole, { chunkMegabytes: 0.025 }), silent);
});
afterAll(() => rm(whole, { recursive: true }));

interface Ranked {
  folder: string;
  run: Run;
  manifest: string;
  parts: ListedPart[];
  /** A part with bad rows, the last of its chunk. */
  part: ListedPart;
}

async function withRanked(use: (ranked: Ranked) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await cp(whole, folder, { recursive: true, preserveTimestamps: true });
    const run = await openRun(join(folder, 'betr.yaml'));
    const manifest = join(run.files.manifest, foldedManifest);
    const parts = (await readManifest(manifest, listedPartSchema)).values;
    const part = parts.find(({ quarantined, ends }) => quarantined > 0 && ends === 'chunk');
    if (part === undefined) throw new Error('no part has bad rows');
    await use({ folder, run, manifest, parts, part });
  });
}

const scoresOf = ({ run, part }: Ranked): string => join(run.files.scores, part.file);
const cardOf = ({ run, part }: Ranked): string => join(run.files.scores, cardFile(part.file));

/** Lists the part in another way, under a right checksum. */
async function relist({ manifest, parts, part }: Ranked, change: object): Promise<void> {
  await writeFile(
    manifest,
    parts.map((one) => manifestLine(one === part ? { ...one, ...change } : one)).join(''),
  );
}

/** Writes another card, and lists it. */
async function rewriteCard(ranked: Ranked, text: string): Promise<void> {
  await writeFile(cardOf(ranked), text);
  await relist(ranked, { cardSha256: createHash('sha256').update(text).digest('hex') });
}

async function folderInPlaceOf(path: string): Promise<void> {
  await unlink(path);
  await mkdir(path);
}

type Damage = [
  what: string,
  damage: (ranked: Ranked) => Promise<void>,
  file: (ranked: Ranked) => string,
  reason: RegExp,
];

/** What is mended by scoring the part again. */
const mended: Damage[] = [
  ['scores that are gone', (ranked) => unlink(scoresOf(ranked)), scoresOf, /it is missing/],
  [
    'scores that are cut short',
    (ranked) => truncate(scoresOf(ranked), 50),
    scoresOf,
    /it has 50 bytes, but \d+ were written/,
  ],
  ['a card that is gone', (ranked) => unlink(cardOf(ranked)), cardOf, /it is missing/],
  ['a card that is empty', (ranked) => truncate(cardOf(ranked), 0), cardOf, /it has 0 bytes/],
  [
    'a card with one other byte',
    async (ranked) =>
      writeFile(
        cardOf(ranked),
        (await readFile(cardOf(ranked), 'utf8')).replace(/\d/, (digit) => String((Number(digit) + 1) % 10)),
      ),
    cardOf,
    /its checksum does not match the manifest/,
  ],
  ['a card that is no JSON', (ranked) => rewriteCard(ranked, '{"sources": ['), cardOf, /it is not JSON/],
  [
    'a card of another version',
    (ranked) => rewriteCard(ranked, '{"version": 9}'),
    cardOf,
    /another version of betr wrote it \(sources is missing/,
  ],
  [
    'a card that adds up to something else',
    async (ranked) => rewriteCard(ranked, JSON.stringify(await countTwice(ranked))),
    cardOf,
    /it has \d+ documents and \d+ tokens, but the manifest lists \d+ and \d+/,
  ],
  [
    'bad rows that are gone',
    ({ run, part }) => unlink(join(run.files.quarantine, quarantineFile(part.file))),
    ({ run, part }) => join(run.files.quarantine, quarantineFile(part.file)),
    /it is missing/,
  ],
  [
    'a line of another version',
    (ranked) => relist(ranked, { more: 1 }),
    ({ manifest }) => manifest,
    /line \d+ cannot be used: another version of betr wrote it \(.*unknown field "more"/,
  ],
  [
    'a line whose tokens nobody can count',
    (ranked) => relist(ranked, { tokens: 3 * 2 ** 52 }),
    ({ manifest }) => manifest,
    /line \d+ cannot be used: another version of betr wrote it \(tokens is 13510798882111488, but/,
  ],
  [
    'a line with one other byte',
    async ({ manifest }) =>
      writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"chunk"', '"chonk"')),
    ({ manifest }) => manifest,
    /line \d+ does not match its checksum/,
  ],
];

async function countTwice(ranked: Ranked): Promise<PartCard> {
  const card = partCardSchema.parse(JSON.parse(await readFile(cardOf(ranked), 'utf8')));
  return {
    ...card,
    histogram: card.histogram.map(([bin, documents, tokens]) => [bin, 2 * documents, tokens]),
  };
}

/** Everything that a reader sees at once, with the escapes of JSON gone. */
const said = ({ stdout, stderr }: { stdout: string; stderr: string }): string => `${stdout}\n${stderr}`;

/** Of these the status, which opens no card, says nothing. */
const insideCards = /^a card (?:with|that is no|of|that adds)/;

describe('a part that cannot be read', () => {
  it.each(mended)('is named and made again: %s', async (what, damage, file, reason) => {
    const named = (ranked: Ranked): RegExp =>
      new RegExp(`${file(ranked).replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}:? ${reason.source}`);
    await withRanked(async (ranked) => {
      await damage(ranked);
      if (!insideCards.test(what)) {
        const { code, stdout } = await betr(ranked.folder, ['status']);
        expect(code).toBe(1);
        expect(
          stdout.split('\n').filter((line) => line.startsWith('Problem') && named(ranked).test(line)),
        ).not.toEqual([]);
      }
      const published = await betr(ranked.folder, ['rank', '--publish-only']);
      expect(published.code).toBe(1);
      expect(said(published)).toMatch(named(ranked));
      expect(said(published)).toMatch(/betr rank/);
    });
    await withRanked(async (ranked) => {
      await damage(ranked);
      const { code, stdout, stderr } = await betr(ranked.folder, ['rank']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('left') });
      expect(stdout).toMatch(new RegExp(`Note: scored again: .*${named(ranked).source}`));
      expect((await verifyRanking(ranked.run, { corpus: false }, silent)).problems).toEqual([]);
    });
  });

  it.each<[string, (ranked: Ranked) => string]>([
    ['scores', scoresOf],
    ['a card', cardOf],
    ['bad rows', ({ run, part }) => join(run.files.quarantine, quarantineFile(part.file))],
  ])(
    'as there is a folder in place of %s is named with what to do, and no more than that is lost',
    async (_what, file) => {
      await withRanked(async (ranked) => {
        const path = file(ranked);
        await folderInPlaceOf(path);
        expect(said(await betr(ranked.folder, ['rank', '--publish-only']))).toContain(
          `${path}: it is a folder`,
        );
        const { code, stderr } = await betr(ranked.folder, ['rank']);
        expect(code).toBe(1);
        expect(stderr).toContain(
          `${path} cannot be written: a folder is in its place; remove or rename that`,
        );
        await rm(path, { recursive: true });
        expect((await betr(ranked.folder, ['rank'])).code).toBe(0);
        expect((await verifyRanking(ranked.run, { corpus: false }, silent)).problems).toEqual([]);
      });
    },
  );

  it('is not the only one to be named, nor are all of many', async () => {
    await withRanked(async (ranked) => {
      for (const { file } of ranked.parts)
        await writeFile(join(ranked.run.files.scores, cardFile(file)), '{}');
      const { code, stderr } = await betr(ranked.folder, ['rank', '--publish-only']);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        new RegExp(
          `${ranked.parts.length} parts of the scores cannot be used:(\n  - .*its checksum does not ` +
            `match the manifest){10}\n  - and ${ranked.parts.length - 10} more`,
        ),
      );
      expect((await betr(ranked.folder, ['rank'])).code).toBe(0);
      expect((await verifyRanking(ranked.run, { corpus: false }, silent)).problems).toEqual([]);
    });
  });

  it('with altered scores is named by who reads them', async () => {
    await withRanked(async (ranked) => {
      const path = scoresOf(ranked);
      const bytes = await readFile(path);
      await writeFile(path, bytes.fill(0, 8, bytes.length - 8));
      const { code, stderr } = await betr(ranked.folder, ['cutoff', '--keep', '0.1']);
      expect(code).toBe(1);
      expect(stderr).toContain(`${path} is damaged: its checksum does not match; remove it`);
      await unlink(path);
      expect((await betr(ranked.folder, ['rank'])).code).toBe(0);
      expect((await betr(ranked.folder, ['cutoff', '--keep', '0.1'])).code).toBe(0);
    });
  });

  it('as its user may not read it is named', async () => {
    const user = asOrdinaryUser();
    if (user === undefined) return;
    await withRanked(async (ranked) => {
      const path = scoresOf(ranked);
      await chmod(path, 0);
      const own =
        spawnSync('chown', ['-R', `${user.uid ?? process.getuid?.() ?? ''}`, ranked.folder]).status === 0;
      expect(own).toBe(true);
      const ask = (...args: string[]): string => {
        const { stdout, stderr } = spawnSync(
          process.execPath,
          [betrPath, ...args, '--config', ranked.folder],
          { ...user, encoding: 'utf8' },
        );
        return `${stdout}${stderr}`;
      };
      expect(ask('rank', '--publish-only')).toContain(`${path}: EACCES: permission denied`);
      expect(ask('rank')).toContain(`Note: scored again: ${path}: EACCES: permission denied`);
      expect(ask('verify')).toContain('is complete and unaltered');
    });
  });

  it('is not listed in the first place', async () => {
    await withRanked(async ({ run, part }) => {
      await rm(run.files.manifest, { recursive: true });
      await expect(openOwnManifest(run)({ ...part, tokens: 3 * 2 ** 52 })).rejects.toMatchObject({
        code: 'INTERNAL',
        message: expect.stringContaining(`${part.file} cannot be listed`),
      });
    });
  });

  it('says which chunks are left where nothing is listed of them', async () => {
    await withRanked(async ({ folder, manifest, parts }) => {
      const [first] = parts;
      await writeFile(
        manifest,
        parts
          .filter((part) => part !== first)
          .map(manifestLine)
          .join(''),
      );
      const { code, stderr } = await betr(folder, ['rank', '--publish-only']);
      expect(code).toBe(1);
      expect(stderr).toContain(`1 of the plan's `);
      expect(stderr).toContain(
        `  - ${first?.covers[0]?.shard ?? ''} from row ${first?.covers[0]?.firstRow ?? ''} ` +
          `(chunk ${first?.file.slice(0, 20) ?? ''}): no part is published`,
      );
    });
  });
});

describe('the manifest of a generation', () => {
  it.each<[string, (parts: ListedPart[]) => ListedPart[], RegExp]>([
    [
      'a line twice, one below the other',
      ([first, ...rest]) => (first === undefined ? [] : [first, first, ...rest]),
      /published\.jsonl: line 2 lists \S+\.parquet again, after line 1\. Run "betr rank"\.$/,
    ],
    [
      'a line twice, at its end',
      (parts) => [...parts, ...parts.slice(2, 3)],
      /published\.jsonl: line \d+ lists \S+\.parquet again, after line 3\. /,
    ],
    [
      'lines that changed places',
      ([first, second, ...rest]) => [second, first, ...rest].flatMap((part) => part ?? []),
      /published\.jsonl: line 2 lists \S+\.parquet out of order\. /,
    ],
    ['a line less', (parts) => parts.slice(0, -1), /is in the ranking, but not in the manifest\. /],
    [
      'a line that says something else',
      ([first, ...rest]) =>
        first === undefined ? [] : [{ ...first, textBytes: first.textBytes + 1 }, ...rest],
      /the manifest and the ranking disagree about /,
    ],
  ])('is not proven with %s, and ranking mends it', async (_what, change, problem) => {
    await withRanked(async ({ run, manifest, parts, folder }) => {
      await writeFile(manifest, change(parts).map(manifestLine).join(''));
      const { code, stdout } = await betr(folder, ['verify', '--json']);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ problems: [expect.stringMatching(problem)] });
      expect((await betr(folder, ['rank'])).code).toBe(0);
      expect((await verifyRanking(run, { corpus: false }, silent)).problems).toEqual([]);
    });
  });

  it('of a worker may list a part twice', async () => {
    await withRanked(async ({ run, part, folder }) => {
      const list = openOwnManifest(run);
      for (let i = 0; i < 2; i++) await list(part);
      expect((await verifyRanking(run, { corpus: false }, silent)).problems).toEqual([]);
      expect((await betr(folder, ['rank'])).code).toBe(0);
    });
  });
});
