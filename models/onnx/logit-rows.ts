// Reads the logits of one token: the most likely next token and the logarithm of the softmax's denominator.

export interface Row {
  best: number;
  /** The logarithm of the sum of e^logit. */
  logSum: number;
}

/** The row at `start`, read once for all sequences. */
export function rowOf(logits: Float32Array, start: number, width: number): Row {
  const rows = rowsOf.get(logits) ?? new Map<number, Row>();
  rowsOf.set(logits, rows);
  const row = rows.get(start) ?? readRow(logits, start, width);
  rows.set(start, row);
  return row;
}

const rowsOf = new WeakMap<Float32Array, Map<number, Row>>();

/** Reads the logits of one token. Throws if they are not finite. */
export function readRow(logits: Float32Array, start: number, width: number): Row {
  let best = start;
  for (let i = start + 1; i < start + width; i++) if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i;
  const most = logits[best] ?? 0;
  let sum = 0;
  for (let i = start; i < start + width; i++) sum += Math.exp((logits[i] ?? 0) - most);
  const logSum = most + Math.log(sum);
  if (!Number.isFinite(logSum)) throw new Error('its logits are not finite numbers');
  return { best: best - start, logSum };
}
