// Commands name each part of the scores that they cannot use, and what to do about it.

import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cardFile, quarantineFile } from '../../../scoring/part.ts';
import { openOwnManifest } from '../../../scoring/published.ts';
import { manifestLine } from '../../../data/files/manifest.ts';
import { silent } from '../../../run/progress.ts';
import { verifyRanking } from '../../../ranking/verify/verify.ts';
import { betr } from '../../cli/betr.ts';
import { betrPath } from '../../cli/project.ts';
import { asOrdinaryUser } from '../../ordinary-user.ts';
import { longTest } from '../../long.ts';
import { cardOf, type Ranked, said, scoresOf, shareRankedRun, withRanked } from './fixtures.ts';

shareRankedRun();

describe('a part that cannot be read', () => {
  it.each<[string, (ranked: Ranked) => string]>([
    ['scores', scoresOf],
    ['a card', cardOf],
    ['bad rows', ({ run, part }) => join(run.files.quarantine, quarantineFile(part.file))],
  ])(
    'is reported with what to do when a folder is in place of %s, and removing the folder is enough',
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

  it('is reported with the others, ten of them at most', async () => {
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

  it('is reported by the command that reads its altered scores', async () => {
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

  longTest('is reported when the user lacks the permission to read it', async () => {
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

  it('is never listed if its tokens cannot be counted', async () => {
    await withRanked(async ({ run, part }) => {
      await rm(run.files.manifest, { recursive: true });
      await expect(openOwnManifest(run)({ ...part, tokens: 3 * 2 ** 52 })).rejects.toMatchObject({
        code: 'INTERNAL',
        message: expect.stringContaining(`${part.file} cannot be listed`),
      });
    });
  });

  it('is reported by its chunk when the manifest does not list it', async () => {
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

async function folderInPlaceOf(path: string): Promise<void> {
  await unlink(path);
  await mkdir(path);
}
