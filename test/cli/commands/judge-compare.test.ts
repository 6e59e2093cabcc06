import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { betr } from '../betr.ts';
import { type JudgeProject, openJudgeProject } from './judge-project.ts';
import { longTest } from '../../long.ts';

jest.setTimeout(120_000);
let project: JudgeProject;
let folder: string;

beforeAll(async () => {
  project = await openJudgeProject();
  folder = project.folder;
});

afterAll(() => project.close());

describe('betr judge --compare', () => {
  const comparison = z.object({
    documents: z.number(),
    judges: z.array(
      z.object({ name: z.string(), mean: z.number().nullable(), unknown: z.record(z.string(), z.number()) }),
    ),
    means: z.array(
      z.object({
        kind: z.string(),
        judges: z.number(),
        mean: z.number().nullable(),
        unknown: z.number(),
      }),
    ),
    pairs: z.array(
      z.object({
        first: z.string(),
        second: z.string(),
        spearman: z.number().nullable(),
        area: z.object({ value: z.number() }).nullable(),
        kept: z.number(),
        dropped: z.number(),
        differences: z.array(z.object({ document: z.string(), percentiles: z.array(z.number()) })),
      }),
    ),
  });

  longTest('shows agreement, where judges differ, and what a change would replace', async () => {
    const ended = await betr(folder, [
      'judge',
      'space',
      'upside',
      'other-prompt',
      '--compare',
      '--documents',
      '300',
      '--json',
      '--out',
      'scores.jsonl',
    ]);
    const { documents, judges, pairs } = comparison.parse(JSON.parse(ended.stdout));
    expect(documents).toBe(300);
    expect(judges.map(({ name }) => name)).toEqual(['space', 'upside', 'other-prompt']);
    const [inverse, similar] = pairs;
    expect(inverse).toMatchObject({ first: 'space', second: 'upside', kept: 30, dropped: 30 });
    expect(inverse?.spearman).toBeCloseTo(-1, 6);
    expect(inverse?.area?.value).toBe(0);
    expect(similar?.spearman).toBeGreaterThan(0.7);
    expect(similar?.dropped).toBeLessThan(30);
    expect(inverse?.differences).toHaveLength(10);
    const lines = (await readFile(join(folder, 'scores.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) =>
        z
          .object({
            source: z.string(),
            scores: z.record(z.string(), z.number()),
            means: z.object({ 'LM-Score': z.number(), 'topic score': z.number() }),
          })
          .parse(JSON.parse(line)),
      );
    expect(lines).toHaveLength(300);
    for (const { source, scores, means } of lines) {
      expect((scores['space'] ?? 0) > 0.5).toBe(source === 'space');
      expect(Object.keys(scores)).toEqual(['space', 'upside', 'other-prompt']);
      // Its answers are the other way round, so it is no judge of yes or no.
      const { upside, ...others } = scores;
      expect(means['topic score']).toBe(upside);
      expect(means['LM-Score']).toBeCloseTo(
        Object.values(others).reduce((sum, score) => sum + score, 0) / 2,
        12,
      );
    }
  });

  it('has no mean for documents that one judge gives no score', async () => {
    const { stdout } = await betr(folder, [
      'judge',
      'space',
      'silent',
      '--compare',
      '--json',
      '--documents',
      '50',
    ]);
    const { documents, judges, means, pairs } = comparison.parse(JSON.parse(stdout));
    expect(documents).toBe(50);
    expect(judges[1]).toEqual({ name: 'silent', mean: null, unknown: { 'answer mass': 50 } });
    expect(means).toEqual([
      { kind: 'LM-Score', judges: 1, mean: expect.any(Number), unknown: 0 },
      { kind: 'topic score', judges: 1, mean: null, unknown: 50 },
    ]);
    expect(pairs[0]).toMatchObject({ spearman: null, area: null, kept: 5, dropped: 5, differences: [] });
  });

  it('mixes no scores of different kinds', async () => {
    const { stdout } = await betr(folder, [
      ...['judge', 'space', 'other-prompt', 'upside', '--compare', '--documents', '50'],
    ]);
    expect(stdout).toMatch(/mean of 2 +LM-Score +0\.\d+ +0$/m);
    expect(stdout).not.toMatch(/mean of [13]/);
  });

  it('explains in words', async () => {
    const { stdout } = await betr(folder, [
      'judge',
      'space',
      'upside',
      '--compare',
      '--documents',
      '100',
      '--keep',
      '20%',
    ]);
    expect(stdout).toContain('100 documents of the sample');
    expect(stdout).toContain('Changing from space to upside at 20% replaces 20 of 20 kept documents (100%)');
    expect(stdout).toContain('They differ most about:');
  });
});
