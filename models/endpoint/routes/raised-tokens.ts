// Log probabilities of tokens far down a server's list of next tokens. A rare answer can be its 30,000th, and such
// a list takes megabytes. So a request raises the logits of the tokens it wants (logit_bias), which moves them to the
// top, and what the server answers is computed back: with the bias b,
//   p' = p·e^b / Z, and since all p add up to 1: 1 / Z = 1 − Σ (1 − e^−b)·p', over the raised tokens.

/** The log probability that a raised token should get: the lower, the longer the list. */
const raisedTo = -4;
/** Below, rounded probabilities would show in the fourth digit of a log probability. */
const leastRest = 0.003;

/** How much to raise tokens with these log probabilities. */
export function biasesFor(usual: readonly number[]): number[] {
  return usual.map((log) => Math.max(0, raisedTo - log));
}

/**
 * The log probabilities of all listed tokens without the biases of the raised ones. Undefined if a raised token is
 * not listed, or if the others have too little probability left to tell.
 */
export function withoutBiases(
  listed: ReadonlyMap<number, number>,
  biases: ReadonlyMap<number, number>,
): Map<number, number> | undefined {
  let rest = 1;
  for (const [id, bias] of biases) {
    const log = listed.get(id);
    if (log === undefined) return undefined;
    rest += Math.expm1(-bias) * Math.exp(log);
  }
  if (rest < leastRest) return undefined;
  const logSum = -Math.log(rest);
  return new Map(Array.from(listed, ([id, log]) => [id, log - (biases.get(id) ?? 0) + logSum]));
}

/** The usual log probabilities of the same tokens after different texts. */
export class UsualLogs {
  readonly means: number[];
  #texts = 1;

  constructor(first: readonly number[]) {
    this.means = [...first];
  }

  /** Takes the log probabilities after another text into account. */
  add(logs: readonly number[]): void {
    this.#texts++;
    for (const [at, log] of logs.entries()) {
      const mean = this.means[at] ?? log;
      this.means[at] = mean + (log - mean) / this.#texts;
    }
  }
}
