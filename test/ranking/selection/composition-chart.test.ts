import { describe, expect, it } from '@jest/globals';
import type { SourceChange } from '../../../ranking/selection/composition.ts';
import { compositionSvg } from '../../../ranking/selection/composition-chart.ts';

function change(source: string, before: number, after: number): SourceChange {
  return {
    source,
    before: { documents: 1, tokens: 1, share: before },
    after: { documents: 1, tokens: 1, share: after },
    kept: 0.1,
    lift: before === 0 ? 0 : after / before,
  };
}

/** The labels of the bars, top to bottom. */
const labels = (svg: string): string[] =>
  [...svg.matchAll(/<text x="178"[^>]*>([^<]*)</g)].map(([, label]) => label ?? '');

describe("a composition's picture", () => {
  it('has a bar before and after the cut for every source, most favored first, and labels the change', () => {
    const svg = compositionSvg(
      [change('science', 0.1, 0.4), change('', 0.4, 0.4), change('spam', 0.5, 0.2)],
      'Before & after',
    );
    expect(labels(svg)).toEqual(['science', '(no source)', 'spam']);
    expect(svg.match(/height="10"/g)).toHaveLength(6);
    for (const text of ['Before &amp; after', '10% → 40%', '× 4.0', '× 0.40']) expect(svg).toContain(text);
    const widths = [...svg.matchAll(/<rect x="190" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    expect((widths[1] ?? 0) / (widths[0] ?? 1)).toBeCloseTo(4, 1);
  });

  it('folds small sources into one, so that nothing is lost', () => {
    const many = Array.from({ length: 40 }, (_, index) =>
      change(`source-${index}`, 1 / 40, index === 3 ? 0.61 : 0.01),
    );
    const svg = compositionSvg(many, 'Many');
    expect(labels(svg)).toHaveLength(14);
    expect(labels(svg)).toContain('source-3');
    expect(labels(svg).at(-1)).toBe('27 other sources');
    expect(svg).toContain('68% → 27%');
  });

  it('shows when a source is gone, and draws an empty composition', () => {
    expect(compositionSvg([change('gone', 0.5, 0), change('left', 0.5, 1)], 'Gone')).toContain('none left');
    expect(compositionSvg([], 'Nothing')).not.toMatch(/NaN|Infinity/);
  });
});
