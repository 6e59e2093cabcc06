// Computes label probabilities from a text's hidden vector (or the folded logit of a two-label model) as
// fastText 0.9.2 does: in float32, in the same order, including the 1e-5 that its logarithm adds. Of equal
// probabilities the later label wins, as in its heap of one.

import type { FasttextModel } from './model-file.ts';

export interface Best {
  /** Index in the model's labels. */
  label: number;
  probability: number;
}

export interface Loss {
  /** What `fasttext predict-prob` prints for a label when all labels are requested. */
  probabilityOf(label: number, hidden: Float32Array): number;
  /**
   * What `fasttext predict-prob` prints; undefined if every label is below its threshold (hs with very many
   * labels).
   */
  best(hidden: Float32Array): Best | undefined;
}

const { fround } = Math;

/** Opens the loss of a model over its output rows. */
export function openLoss(model: FasttextModel): Loss {
  const dot = openDot(model);
  const labels = model.labels.length;
  if (model.args.loss === 'hs')
    return openHierarchical(
      model.labels.map(({ count }) => count),
      dot,
    );
  if (model.args.loss === 'softmax') {
    const output = new Float32Array(labels);
    return openFlat(labels, (hidden, probabilities) => {
      for (let label = 0; label < labels; label++) output[label] = dot(label, hidden);
      softmax(output, probabilities);
    });
  }
  return openFlat(labels, (hidden, probabilities) => {
    for (let label = 0; label < labels; label++) probabilities[label] = sigmoidFromTable(dot(label, hidden));
  });
}

/** The probability of one of two labels; `logit` is the second output minus the first. */
export function foldedProbability(label: number, logit: number): number {
  return printed(logOf(fround(1 / (1 + Math.exp(label === 1 ? -logit : logit)))));
}

/** The more probable of two labels. */
export function foldedBest(logit: number): Best {
  const label = logit >= 0 ? 1 : 0;
  return { label, probability: foldedProbability(label, logit) };
}

type Dot = (row: number, hidden: Float32Array) => number;

function openDot({ output, args }: FasttextModel): Dot {
  const { dim } = args;
  const rows = new Float32Array(output.rows * dim);
  const norms = new Float32Array(output.rows).fill(1);
  output.eachBlock(output.rows, (first, values, blockNorms) => {
    rows.set(values, first * dim);
    if (blockNorms !== undefined) norms.set(blockNorms, first);
  });
  return (row, hidden) => {
    let sum = 0;
    for (let d = 0; d < dim; d++) sum = fround(sum + fround((rows[row * dim + d] ?? 0) * (hidden[d] ?? 0)));
    return fround(sum * (norms[row] ?? 1));
  };
}

/** fastText's std_log. */
function logOf(probability: number): number {
  return fround(Math.log(probability + 1e-5));
}

function printed(log: number): number {
  return fround(Math.exp(log));
}

function openFlat(
  labels: number,
  compute: (hidden: Float32Array, probabilities: Float32Array) => void,
): Loss {
  const probabilities = new Float32Array(labels);
  return {
    probabilityOf(label, hidden) {
      compute(hidden, probabilities);
      return printed(logOf(probabilities[label] ?? 0));
    },
    best(hidden) {
      compute(hidden, probabilities);
      let best = 0;
      let log = -Infinity;
      for (let label = 0; label < labels; label++) {
        const candidate = logOf(probabilities[label] ?? 0);
        if (candidate < log) continue;
        log = candidate;
        best = label;
      }
      return { label: best, probability: printed(log) };
    },
  };
}

function softmax(output: Float32Array, probabilities: Float32Array): void {
  let largest = output[0] ?? 0;
  for (const value of output) largest = Math.max(largest, value);
  let sum = 0;
  for (let i = 0; i < output.length; i++) {
    const power = fround(Math.exp(fround((output[i] ?? 0) - largest)));
    probabilities[i] = power;
    sum = fround(sum + power);
  }
  for (let i = 0; i < output.length; i++) probabilities[i] = fround((probabilities[i] ?? 0) / sum);
}

const sigmoidSteps = 512;
const sigmoidEnd = 8;
const sigmoids = Float32Array.from(
  { length: sigmoidSteps + 1 },
  (_, i) => 1 / (1 + fround(Math.exp(-fround(fround((i * 2 * sigmoidEnd) / sigmoidSteps) - sigmoidEnd)))),
);

function sigmoidFromTable(x: number): number {
  if (x < -sigmoidEnd) return 0;
  if (x > sigmoidEnd) return 1;
  return (
    sigmoids[Math.trunc(fround(fround(fround(fround(x + sigmoidEnd) * sigmoidSteps) / sigmoidEnd) / 2))] ?? 1
  );
}

interface Node {
  left: number;
  right: number;
  parent: number;
}

const leastLog = logOf(0);

function openHierarchical(counts: readonly number[], dot: Dot): Loss {
  const tree = buildTree(counts);
  const labels = counts.length;
  /** Log probabilities of the left and right branches of an inner node. */
  const branches = (node: number, hidden: Float32Array): [number, number] => {
    const right = fround(1 / fround(1 + fround(Math.exp(-dot(node - labels, hidden)))));
    return [logOf(fround(1 - right)), logOf(right)];
  };
  return {
    probabilityOf(label, hidden) {
      const path = [label];
      for (let node = tree[label]?.parent ?? -1; node >= 0; node = tree[node]?.parent ?? -1) path.push(node);
      let log = 0;
      for (let step = path.length - 1; step > 0; step--) {
        const [left, right] = branches(path[step] ?? 0, hidden);
        log = fround(log + (tree[path[step] ?? 0]?.left === path[step - 1] ? left : right));
      }
      return printed(log);
    },
    best(hidden) {
      let best: Best | undefined;
      let bestLog = -Infinity;
      const open: { node: number; log: number }[] = [{ node: 2 * labels - 2, log: 0 }];
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        const { node, log } = next;
        if (log < leastLog || log < bestLog) continue;
        const { left = -1, right = -1 } = tree[node] ?? {};
        if (left < 0) {
          best = { label: node, probability: printed(log) };
          bestLog = log;
          continue;
        }
        const [toLeft, toRight] = branches(node, hidden);
        open.push({ node: right, log: fround(log + toRight) }, { node: left, log: fround(log + toLeft) });
      }
      return best;
    },
  };
}

/**
 * fastText's Huffman tree: joins the two rarest nodes until one is left. Counts are sorted, most frequent
 * first. The first `counts.length` nodes are leaves.
 */
function buildTree(counts: readonly number[]): Node[] {
  const labels = counts.length;
  const tree: Node[] = Array.from({ length: 2 * labels - 1 }, () => ({ left: -1, right: -1, parent: -1 }));
  const weights = Float64Array.from({ length: 2 * labels - 1 }, (_, i) =>
    i < labels ? (counts[i] ?? 0) : 1e15,
  );
  let leaf = labels - 1;
  let inner = labels;
  const takeRarest = (): number =>
    leaf >= 0 && (weights[leaf] ?? 0) < (weights[inner] ?? Infinity) ? leaf-- : inner++;
  for (let node = labels; node < 2 * labels - 1; node++) {
    const left = takeRarest();
    const right = takeRarest();
    tree[node] = { left, right, parent: -1 };
    weights[node] = (weights[left] ?? 0) + (weights[right] ?? 0);
    for (const child of [left, right]) {
      const known = tree[child];
      if (known !== undefined) known.parent = node;
    }
  }
  return tree;
}
