// The inner training loop, in AssemblyScript: multiplies a document's features by the weights of eight
// outputs, and takes AdaGrad steps. Single-precision SIMD without relaxed operations gives the same bits on
// every machine. A feature is a bin (24 bits) with its count (upper 8 bits). A table row is eight weights and
// eight sums of squared gradients: 64 bytes, one cache line.

/**
 * Addresses of the resulting sums and of the gradients from the host: eight f32 each. The host places
 * features and tables.
 */
export const sumsAt: usize = 1024;
export const gradientsAt: usize = 1088;
export const freeAt: usize = 1152;

/** Keeps a weight's first step finite; well below any squared gradient that matters. */
const smallestSquare: f32 = 1e-9;

/** Eight sums of count × weight over the features. */
export function addUp(features: usize, count: usize, table: usize): void {
  let low = f32x4.splat(0);
  let high = f32x4.splat(0);
  const end = features + (count << 2);
  for (let at = features; at < end; at += 4) {
    const feature = load<u32>(at);
    const row = table + ((feature & 0xffffff) << 6);
    const times = f32x4.splat(<f32>(feature >> 24));
    low = f32x4.add(low, f32x4.mul(times, v128.load(row)));
    high = f32x4.add(high, f32x4.mul(times, v128.load(row, 16)));
  }
  v128.store(sumsAt, low);
  v128.store(sumsAt, high, 16);
}

/** One AdaGrad step down the eight gradients (Duchi, Hazan, Singer 2011, diagonal case). */
export function stepDown(features: usize, count: usize, table: usize, rate: f32): void {
  const gradientLow = v128.load(gradientsAt);
  const gradientHigh = v128.load(gradientsAt, 16);
  const end = features + (count << 2);
  for (let at = features; at < end; at += 4) {
    const feature = load<u32>(at);
    const row = table + ((feature & 0xffffff) << 6);
    const times = f32x4.splat(<f32>(feature >> 24));
    stepFour(row, f32x4.mul(times, gradientLow), f32x4.splat(rate));
    stepFour(row + 16, f32x4.mul(times, gradientHigh), f32x4.splat(rate));
  }
}

@inline
function stepFour(at: usize, gradient: v128, rate: v128): void {
  const squares = f32x4.add(v128.load(at, 32), f32x4.mul(gradient, gradient));
  v128.store(at, squares, 32);
  const step = f32x4.div(f32x4.mul(rate, gradient), f32x4.sqrt(f32x4.add(squares, f32x4.splat(smallestSquare))));
  v128.store(at, f32x4.sub(v128.load(at), step));
}
