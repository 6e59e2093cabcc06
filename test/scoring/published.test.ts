// What is published, followed while several add to it.

import { rm } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { chunkOf } from '../../scoring/part.ts';
import { followPublished, openOwnManifest, readPublishedParts } from '../../scoring/published.ts';
import { foldManifests } from '../../scoring/fold-manifests.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { silent } from '../../run/progress.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { withCorpus } from '../classifier/trained-run.ts';

it('follows appended and merged manifests like a reader that starts from scratch', async () => {
  await withCorpus(async (run) => {
    const { parts } = (await rankCorpus(run, silent)).ranking;
    expect(parts.length).toBeGreaterThan(10);
    const chunks = [...new Set(parts.map(({ file }) => chunkOf(file) ?? ''))];
    for (const seed of [1, 2, 3]) {
      await rm(run.files.manifest, { recursive: true });
      const random = openRandom(seed);
      const followers = [followPublished(run), followPublished(run)];
      const workers = [openOwnManifest(run), openOwnManifest(run), openOwnManifest(run)];
      for (const part of parts) {
        await workers[Math.floor(random() * workers.length)]?.(part);
        if (random() < 0.1) await foldManifests(run, () => true);
        const follower = followers[random() < 0.3 ? 1 : 0];
        await follower?.refresh();
        const { byChunk } = await readPublishedParts(run);
        for (const chunk of chunks) expect(follower?.partsOf(chunk)).toEqual(byChunk.get(chunk) ?? []);
      }
      await followers[0]?.refresh();
      expect(chunks.flatMap((chunk) => followers[0]?.partsOf(chunk) ?? [])).toHaveLength(parts.length);
    }
  });
});
