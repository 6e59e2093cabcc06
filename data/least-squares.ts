// Least-squares fits of a quadratic and of a power law.

/** Least squares of y = p0 + p1·x + p2·x², with x centered for numerical stability. */
export function fitQuadratic(
  xs: readonly number[],
  ys: readonly number[],
): { curvature: number; peak: number; residuals: number[] } {
  const mean = xs.reduce((sum, x) => sum + x, 0) / xs.length;
  const sums = [0, 0, 0, 0, 0];
  const right = [0, 0, 0];
  for (const [i, x] of xs.entries()) {
    for (let power = 0; power <= 4; power++) sums[power] = (sums[power] ?? 0) + (x - mean) ** power;
    for (let power = 0; power <= 2; power++)
      right[power] = (right[power] ?? 0) + (ys[i] ?? 0) * (x - mean) ** power;
  }
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0] = sums;
  const [r0 = 0, r1 = 0, r2 = 0] = right;
  const determinant = (a: number[][]): number => {
    const [[a0 = 0, a1 = 0, a2 = 0] = [], [b0 = 0, b1 = 0, b2 = 0] = [], [c0 = 0, c1 = 0, c2 = 0] = []] = a;
    return a0 * (b1 * c2 - b2 * c1) - a1 * (b0 * c2 - b2 * c0) + a2 * (b0 * c1 - b1 * c0);
  };
  const all = determinant([
    [s0, s1, s2],
    [s1, s2, s3],
    [s2, s3, s4],
  ]);
  const p0 =
    determinant([
      [r0, s1, s2],
      [r1, s2, s3],
      [r2, s3, s4],
    ]) / all;
  const p1 =
    determinant([
      [s0, r0, s2],
      [s1, r1, s3],
      [s2, r2, s4],
    ]) / all;
  const p2 =
    determinant([
      [s0, s1, r0],
      [s1, s2, r1],
      [s2, s3, r2],
    ]) / all;
  return {
    curvature: p2,
    peak: mean - p1 / (2 * p2),
    residuals: xs.map((x, i) => (ys[i] ?? 0) - (p0 + p1 * (x - mean) + p2 * (x - mean) ** 2)),
  };
}

export interface Power {
  logCoefficient: number;
  exponent: number;
}

/** Least squares of ln F = ln a + b · ln C. */
export function fitPower(points: readonly (readonly [logFlops: number, logRate: number])[]): Power {
  const mean = (of: 0 | 1): number => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const exponent =
    points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) /
    points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return { logCoefficient: meanY - exponent * meanX, exponent };
}
