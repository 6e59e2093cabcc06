import { describe, expect, it } from '@jest/globals';
import { answerKeep, type KeepQuestion } from '../../pairs/answer.ts';
import { BetrError } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { smallMeasurement, ten, withSmallSet } from './small-set.ts';

const codeOf = (error: unknown): string => (error instanceof BetrError ? error.code : String(error));

describe('the question', () => {
  const ask = (run: Run, question: KeepQuestion): ReturnType<typeof answerKeep> =>
    answerKeep(run, 'feedback', question);

  it('may be a size of model with a fit, or a loss of this measurement', async () => {
    await withSmallSet(ten, async (run) => {
      const hint = await ask(run, { params: 7e9, fit: 'argilla' });
      expect(hint).toMatchObject({ from: 'argilla', keep: expect.closeTo(0.726, 3), pairs: { kept: 7 } });
      expect(hint.why).toContain('3B: 63.7%, 7B: 71.2%, 14B: 81.3%');
      expect(hint.caveats.join('\n')).toMatch(
        /UltraFeedback, 50%.*30\.4 on GSM8K after training on all pairs, 14\.5 at 50%/s,
      );
      const points = [0.4, 0.6, 0.8].map((keep) => ({ keep, winRate: 0.3 - (keep - 0.6) ** 2, n: 20_000 }));
      expect(await ask(run, { fit: [{ run: 'a', points }] })).toMatchObject({
        from: 'runs',
        keep: expect.closeTo(0.6, 8),
        capacity: { runs: [{ run: 'a', points: 3 }] },
      });
      const { threshold, measurement } = await ask(run, { keep: 0.6 });
      const loss = threshold ?? 0;
      expect(await ask(run, { maxLoss: { loss, seal: measurement.seal.slice(0, 8) } })).toMatchObject({
        from: 'max-loss',
        pairs: { kept: 5 },
        threshold: loss,
      });
      await expect(ask(run, { maxLoss: { loss, seal: 'ffffffff' } })).rejects.toMatchObject({
        code: 'PAIRS_THRESHOLD',
        message: expect.stringContaining(
          `--max-loss ${loss}@${measurement.seal.slice(0, 8)}, not ${loss}@ffffffff`,
        ),
      });
    });
  });

  it('is refused with a code that says why', async () => {
    const refused: [string, KeepQuestion, string][] = [
      ['asks for nothing', {}, 'USAGE'],
      ['asks twice', { keep: 0.5, params: 7e9, fit: 'argilla' }, 'USAGE'],
      ['names a size without a fit', { params: 7e9 }, 'USAGE'],
      ['names a fit without a size', { fit: 'argilla' }, 'USAGE'],
      ['cuts the hardest by a fit', { params: 7e9, fit: 'argilla', order: 'hardest' }, 'USAGE'],
      ['keeps less than one pair', { keep: 0.05 }, 'PAIRS_NONE_KEPT'],
      ['has a floor above the share', { keep: 0.5, floor: { share: 0.6, by: 'category' } }, 'PAIRS_FLOOR'],
      [
        'has a floor by something that no pair has',
        { keep: 0.5, floor: { share: 0.4, by: 'language' } },
        'PAIRS_NO_GROUPS',
      ],
      ['names another measurement', { keep: 0.5, measurement: 'models-x' }, 'MEASUREMENT_UNKNOWN'],
    ];
    await withSmallSet(ten, async (run) => {
      const codes = await Promise.all(
        refused.map(([, question]) =>
          ask(run, question).then(
            () => '',
            (error: unknown) => codeOf(error),
          ),
        ),
      );
      expect(refused.map(([what], at) => [what, codes[at]])).toEqual(
        refused.map(([what, , code]) => [what, code]),
      );
    });
  });

  it('needs a measurement, and names one of several', async () => {
    await withSmallSet(
      ten,
      async (run) => {
        await expect(ask(run, { keep: 0.5 })).rejects.toMatchObject({ code: 'STEP_MISSING' });
      },
      { measurements: [] },
    );
    const other = {
      ...smallMeasurement,
      name: 'bradley-terry',
      method: 'bradley-terry',
      proxy: true,
    } as const;
    await withSmallSet(
      ten,
      async (run) => {
        await expect(ask(run, { keep: 0.5 })).rejects.toMatchObject({
          code: 'PAIRS_MEASUREMENTS',
          message: expect.stringContaining('bradley-terry, columns'),
        });
        const { caveats } = await ask(run, { keep: 0.5, measurement: 'bradley-terry' });
        expect(caveats.join('\n')).toContain('is a proxy for trained reference models');
      },
      { measurements: [smallMeasurement, other] },
    );
  });
});
