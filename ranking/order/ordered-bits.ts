// Maps float32 scores to integers that order alike.

/** Maps the bits of a float32 to an unsigned integer that orders like the score; -0 equals 0. */
export function orderedBits(raw: number): number {
  if (raw === 0x8000_0000) return 0x8000_0000;
  return ((raw & 0x8000_0000) === 0 ? raw | 0x8000_0000 : ~raw) >>> 0;
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The inverse of `orderedBits`. */
export function rawBits(ordered: number): number {
  return ((ordered & 0x8000_0000) === 0 ? ~ordered : ordered & 0x7fff_ffff) >>> 0;
}

/** The ordered bits of a score, rounded to a float32. */
export function bitsOf(score: number): number {
  float[0] = score;
  return orderedBits(bits[0] ?? 0);
}

/** The score of ordered bits. */
export function scoreOf(ordered: number): number {
  bits[0] = rawBits(ordered);
  return float[0] ?? 0;
}
