// Commands name a damaged part of the scores, its file and the reason, and `betr rank` scores it again.

import { createHash } from 'node:crypto';
import { readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type PartCard, partCardSchema, quarantineFile } from '../../../scoring/part.ts';
import { silent } from '../../../run/progress.ts';
import { verifyRanking } from '../../../ranking/verify/verify.ts';
import { betr } from '../../cli/betr.ts';
import { someOf } from '../../long.ts';
import { cardOf, type Ranked, relist, said, scoresOf, shareRankedRun, withRanked } from './fixtures.ts';

shareRankedRun();

/** Replaces the card, and lists its new checksum. */
async function rewriteCard(ranked: Ranked, text: string): Promise<void> {
  await writeFile(cardOf(ranked), text);
  await relist(ranked, { cardSha256: createHash('sha256').update(text).digest('hex') });
}

type Damage = [
  what: string,
  damage: (ranked: Ranked) => Promise<void>,
  file: (ranked: Ranked) => string,
  reason: RegExp,
];

/** Damage that scoring the part again repairs. */
const repairable: Damage[] = [
  ['missing scores', (ranked) => unlink(scoresOf(ranked)), scoresOf, /it is missing/],
  [
    'truncated scores',
    (ranked) => truncate(scoresOf(ranked), 50),
    scoresOf,
    /it has 50 bytes, but \d+ were written/,
  ],
  ['a missing card', (ranked) => unlink(cardOf(ranked)), cardOf, /it is missing/],
  ['an empty card', (ranked) => truncate(cardOf(ranked), 0), cardOf, /it has 0 bytes/],
  [
    'a card with one changed byte',
    async (ranked) =>
      writeFile(
        cardOf(ranked),
        (await readFile(cardOf(ranked), 'utf8')).replace(/\d/, (digit) => String((Number(digit) + 1) % 10)),
      ),
    cardOf,
    /its checksum does not match the manifest/,
  ],
  ['a card that is not JSON', (ranked) => rewriteCard(ranked, '{"sources": ['), cardOf, /it is not JSON/],
  [
    'a card of another version',
    (ranked) => rewriteCard(ranked, '{"version": 9}'),
    cardOf,
    /another version of betr wrote it \(sources is missing/,
  ],
  [
    'a card with other totals',
    async (ranked) => rewriteCard(ranked, JSON.stringify(await countTwice(ranked))),
    cardOf,
    /it has \d+ documents and \d+ tokens, but the manifest lists \d+ and \d+/,
  ],
  [
    'missing bad rows',
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
    'a line with too many tokens to count',
    (ranked) => relist(ranked, { tokens: 3 * 2 ** 52 }),
    ({ manifest }) => manifest,
    /line \d+ cannot be used: another version of betr wrote it \(tokens is 13510798882111488, but/,
  ],
  [
    'a line with one changed byte',
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

/** `betr status` opens no card, so it cannot report these. */
const insideCards = /^a card (?:with|that is not JSON|of)/;

describe('a part that cannot be read', () => {
  it.each(someOf(repairable, 4))('is reported and scored again: %s', async (what, damage, file, reason) => {
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
});
