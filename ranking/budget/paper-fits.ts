// The paper's own scaling fits (arXiv 2507.12466, Tables 12 and 13: Nemotron-CC, ten Core tasks, kept at 3,
// 10, 30 and 100%), and what follows from them: the accuracy of a budget at each rate, where the best rate
// changes, and how much compute filtering saves. They are the evidence behind the keep-rate laws; tests
// compare them with the paper's printed results.

/** Shares of the pool's tokens that the paper kept, as fractions. */
export const testedRates = [0.03, 0.1, 0.3, 1] as const;
export type TestedRate = (typeof testedRates)[number];

/** Loss in bits per byte: L(N, D) = e^a / N^alpha + e^b / D^beta + e^e. */
type LossFit = readonly [a: number, b: number, e: number, alpha: number, beta: number];
/** A task's loss, and its accuracy: Acc(L) = c1 / (1 + exp(-k (L - L0))) + c2. */
type TaskFit = readonly [...loss: LossFit, c1: number, c2: number, k: number, lossAtMiddle: number];

const fits: Record<TestedRate, { validation: LossFit; tasks: Record<string, TaskFit> }> = {
  0.03: {
    validation: [5.291, 6.294, 0.2539, 0.298, 0.3127],
    tasks: {
      ARCE: [4.48, 8.105, -0.8082, 0.2954, 0.4472, 0.8852, 0.1498, -3.278, 0.9709],
      ARCC: [4.651, 7.431, -0.6484, 0.3095, 0.415, 0.8572, 0.1709, -5.47, 0.6166],
      HS: [5.111, 6.63, -0.5466, 0.3614, 0.3943, 0.7556, 0.2456, -9.501, 0.6385],
      LMB: [6.923, 10.45, -1.65, 0.4176, 0.5401, 1, 0.2017, -3.924, 0.3181],
      MMLU: [4.359, 6.243, -0.5874, 0.283, 0.3424, 0.8737, 0.2297, -4.363, 0.4603],
      PIQA: [5.565, 6.913, -0.3924, 0.3858, 0.4083, 0.4379, 0.5733, -4.576, 0.7951],
      SciQ: [6.735, 15.48, -0.6378, 0.3992, 0.7822, 0.2032, 0.8024, -4.286, 0.9061],
      TQA: [3.732, 7.449, 0.257, 0.2174, 0.3809, 1, 0, -3.8, 1.557],
      WQ: [7.586, 8.494, -0.443, 0.4591, 0.4383, 1, 0.04284, -5.305, 0.4699],
      WG: [3.301, 4.951, -1.296, 0.3379, 0.381, 0.5008, 0.498, -63.36, 0.287],
    },
  },
  0.1: {
    validation: [5.51, 6.68, 0.4046, 0.3093, 0.33],
    tasks: {
      ARCE: [5.739, 9.396, -0.6646, 0.3626, 0.5026, 0.5973, 0.4175, -4.606, 0.7961],
      ARCC: [4.864, 9.246, -0.6004, 0.3151, 0.4953, 0.8554, 0.1719, -5.509, 0.6191],
      HS: [5.168, 6.428, -0.5568, 0.3656, 0.3838, 0.7686, 0.2329, -9.204, 0.6378],
      LMB: [6.778, 9.92, -1.62, 0.411, 0.5171, 1, 0.2078, -4.002, 0.3159],
      MMLU: [5.188, 7.128, -0.5057, 0.3295, 0.3847, 0.815, 0.2407, -5.136, 0.5086],
      PIQA: [6.086, 6.907, -0.3808, 0.4104, 0.4019, 0.4325, 0.5786, -4.622, 0.7883],
      SciQ: [5.417, 12.29, -0.8275, 0.318, 0.6231, 0.2774, 0.7368, -3.241, 1.036],
      TQA: [3.983, 5.637, 0.1363, 0.2305, 0.2873, 0.9983, 0, -4.015, 1.525],
      WQ: [7.187, 9.279, -0.4878, 0.4332, 0.4754, 1, 0.03153, -5.364, 0.4882],
      WG: [3.568, 4.647, -1.299, 0.3541, 0.3681, 0.4989, 0.4995, -67.61, 0.2864],
    },
  },
  0.3: {
    validation: [5.35, 6.828, 0.5015, 0.2975, 0.3362],
    tasks: {
      ARCE: [6.079, 8.04, -0.6383, 0.38, 0.4258, 0.6267, 0.3909, -4.516, 0.8159],
      ARCC: [4.437, 7.637, -0.6142, 0.2883, 0.4129, 0.8254, 0.1872, -6.502, 0.6432],
      HS: [5.057, 6.69, -0.5476, 0.3577, 0.3968, 0.7639, 0.2373, -9.501, 0.6376],
      LMB: [6.736, 9.343, -1.558, 0.4061, 0.4882, 1, 0.1868, -4.063, 0.3451],
      MMLU: [4.501, 7.398, -0.5326, 0.2874, 0.3959, 0.7986, 0.2416, -5.488, 0.5351],
      PIQA: [5.799, 6.843, -0.3681, 0.3904, 0.3944, 0.4739, 0.5406, -4.204, 0.8265],
      SciQ: [3.811, 7.89, -2.408, 0.2092, 0.3958, 0.2458, 0.7637, -3.41, 0.9745],
      TQA: [3.257, 5.93, 0.007347, 0.1819, 0.3026, 0.9966, 0, -4.214, 1.5],
      WQ: [6.101, 7.988, -0.6492, 0.3666, 0.4063, 1, 0.02252, -5.567, 0.5043],
      WG: [2.922, 6.419, -1.299, 0.3148, 0.455, 0.5049, 0.4945, -65.29, 0.2865],
    },
  },
  1: {
    validation: [5.45, 6.676, 0.5218, 0.3037, 0.3282],
    tasks: {
      ARCE: [4.092, 6.906, -0.9782, 0.2454, 0.3628, 0.6722, 0.3558, -3.749, 0.8376],
      ARCC: [3.853, 7.026, -0.7305, 0.2407, 0.3764, 0.8419, 0.18, -5.792, 0.6264],
      HS: [5.001, 6.544, -0.532, 0.3519, 0.3864, 0.7488, 0.252, -10.01, 0.6357],
      LMB: [5.669, 7.834, -1.787, 0.3399, 0.4089, 1, 0.1774, -3.977, 0.3516],
      MMLU: [5.039, 5.62, -0.5209, 0.3157, 0.3034, 0.9011, 0.2305, -4.207, 0.4197],
      PIQA: [6.092, 6.314, -0.3418, 0.3999, 0.3624, 0.4396, 0.5683, -4.951, 0.8075],
      SciQ: [3.55, 5.473, -106.1, 0.194, 0.2707, 1, 0.02759, -1.634, 2.113],
      TQA: [3.427, 6.52, 0.164, 0.1962, 0.3339, 0.9998, 0, -4.385, 1.492],
      WQ: [5.922, 8.42, -0.5823, 0.3526, 0.4299, 1, 0.02107, -5.668, 0.5104],
      WG: [3.449, 4.84, -1.291, 0.3424, 0.3738, 0.5039, 0.495, -57.76, 0.2862],
    },
  },
};

/** The paper's Core tasks, in its order of columns. */
export const coreTasks = Object.keys(fits[1].tasks);

/** A task's numbers at a rate, as transcribed; `VAL` has the first five only. */
export function fitOf(rate: TestedRate, task: string): readonly number[] | undefined {
  return task === 'VAL' ? fits[rate].validation : fits[rate].tasks[task];
}

function lossAt([a, b, e, alpha, beta]: LossFit, params: number, tokens: number): number {
  return Math.exp(a) / params ** alpha + Math.exp(b) / tokens ** beta + Math.exp(e);
}

/** Parameters N* that minimize the validation loss under C = 6·N·D: the closed form of dL/dN = 0. */
export function optimalParams(rate: TestedRate, flops: number): number {
  const [a, b, , alpha, beta] = fits[rate].validation;
  return (
    ((alpha * Math.exp(a)) / (beta * Math.exp(b))) ** (1 / (alpha + beta)) *
    (flops / 6) ** (beta / (alpha + beta))
  );
}

/**
 * Mean accuracy (0–1) over the ten Core tasks of a compute-optimal model of `flops`, trained on the best
 * `rate` of Nemotron-CC.
 */
export function coreAccuracy(rate: TestedRate, flops: number): number {
  const params = optimalParams(rate, flops);
  const tokens = flops / (6 * params);
  const tasks = Object.values(fits[rate].tasks);
  let sum = 0;
  for (const [a, b, e, alpha, beta, c1, c2, k, lossAtMiddle] of tasks) {
    sum += c1 / (1 + Math.exp(-k * (lossAt([a, b, e, alpha, beta], params, tokens) - lossAtMiddle))) + c2;
  }
  return sum / tasks.length;
}

/**
 * The budget between `from` and `to` where `wider` overtakes `narrower`, in FLOPs; undefined where it does
 * not.
 */
export function crossover(
  narrower: TestedRate,
  wider: TestedRate,
  from = 1e19,
  to = 1e27,
): number | undefined {
  const gain = (log10: number): number =>
    coreAccuracy(wider, 10 ** log10) - coreAccuracy(narrower, 10 ** log10);
  const [low, high] = [Math.log10(from), Math.log10(to)];
  return gain(low) < 0 && gain(high) > 0 ? 10 ** bisect(gain, low, high) : undefined;
}

/**
 * How many times the compute an unfiltered model needs to be as accurate as one trained on `rate`: the mean
 * over equal bins of the accuracies that both reach between `from` and `to` FLOPs (the paper's 4.7 for 10%).
 */
export function computeMultiplier(rate: TestedRate, from = 1e19, to = 1e22, bins = 100): number {
  const low = Math.max(coreAccuracy(rate, from), coreAccuracy(1, from));
  const high = Math.min(coreAccuracy(rate, to), coreAccuracy(1, to));
  let sum = 0;
  for (let bin = 0; bin < bins; bin++) {
    const accuracy = low + ((high - low) * (bin + 0.5)) / bins;
    sum += 10 ** (log10FlopsFor(1, accuracy) - log10FlopsFor(rate, accuracy));
  }
  return sum / bins;
}

function log10FlopsFor(rate: TestedRate, accuracy: number): number {
  return bisect((log10) => coreAccuracy(rate, 10 ** log10) - accuracy, 15, 35);
}

/** The root of a function that is below 0 at `low` and above 0 at `high`, to the last bit that matters. */
function bisect(f: (x: number) => number, low: number, high: number): number {
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (f(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
