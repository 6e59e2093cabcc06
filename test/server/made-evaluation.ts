// An evaluation as `betr evaluate` would write it, with figures made up.

import type { EvaluatedSelection, Evaluation } from '../../evaluation/evaluation.ts';

const match = (value: number, gain: number): EvaluatedSelection['targetMatch']['mean'] => ({
  bitsPerByte: { value, low: value - 0.1, high: value + 0.1, n: 24 },
  gain: { value: gain, low: gain - 0.05, high: gain + 0.05, n: 24 },
});

function makeSelection(
  scorer: string,
  keep: number,
  verdict: EvaluatedSelection['verdict'],
  gain: number,
): EvaluatedSelection {
  return {
    scorer,
    keep,
    verdict,
    targetMatch: {
      mean: match(2.5 - gain, gain),
      benchmarks: [{ benchmark: 'cooking', ...match(2.5 - gain, gain) }],
    },
    offTarget: {
      mean: match(2.6 + gain, 0 - gain),
      sources: [{ source: 'sport', isTarget: false, ...match(2.6 + gain, 0 - gain) }],
    },
    makeUp: {
      documents: 80,
      tokens: 2000,
      meanTokens: 25,
      duplicatesShare: 0,
      sources: [{ source: 'sport', share: 1, lift: 1 }],
      winners: [{ benchmark: 'cooking', share: 1 }],
    },
    margin: [
      {
        document: 'a <b>',
        shard: 'a.jsonl',
        row: 3,
        source: 'sport',
        score: 0.5,
        kept: true,
        excerpt: 'The last & least.',
      },
      {
        document: 'c',
        shard: 'a.jsonl',
        row: 4,
        source: 'sport',
        score: 0.25,
        kept: false,
        excerpt: 'The first to go.',
      },
    ],
  };
}

/** BETR beats random, length does not. */
export function makeEvaluation(generation = 'a1b2c3d4e5f6'): Evaluation {
  return {
    kind: 'betr evaluation',
    seed: 1,
    trainWords: 1000,
    shards: { used: 4, of: 4 },
    rankings: ['betr', 'random', 'length'].map((scorer) => ({
      scorer,
      by: scorer === 'betr' ? 'cross-fit:betr' : scorer,
      fitting: scorer === 'betr' ? 'cross-fitted' : 'learns nothing',
      generation: scorer === 'betr' ? generation : '0123456789ab',
      scorerSha256: '0'.repeat(64),
    })),
    selections: [
      makeSelection('betr', 0.1, 'better than random', 0.2),
      makeSelection('random', 0.1, 'baseline', 0),
      makeSelection('length', 0.1, 'no better than random', -0.1),
    ],
    agreement: {
      scorers: ['betr', 'random', 'length'],
      documents: 800,
      spearman: [
        [1, 0, 0.1],
        [0, 1, 0],
        [0.1, 0, 1],
      ],
      jaccard: [
        {
          keep: 0.1,
          matrix: [
            [1, 0.05, 0.06],
            [0.05, 1, 0.05],
            [0.06, 0.05, 1],
          ],
        },
      ],
    },
    fidelity: null,
  };
}
