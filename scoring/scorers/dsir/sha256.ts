// SHA-256 (FIPS 180-4) of one-block messages, at most 55 bytes, which covers nearly every n-gram. A call to
// node:crypto costs several times as much as the hashing. Hot loop: no allocation.

export const longestMessage = 55;

// The first 32 bits of the fractions of the cube roots of the first 64 primes, and of the square roots of the
// first 8.
const primes = listPrimes(64);
const rounds = Int32Array.from(primes, (prime) => fraction(prime, 3));
const initial = Int32Array.from(primes.slice(0, 8), (prime) => fraction(prime, 2));

const schedule = new Int32Array(64);
/** The digest of the last block, as eight words. */
export const digest = new Uint32Array(8);

/**
 * Hashes the block of sixteen big-endian words: the message, the byte 0x80, zeros, and the message's bits in
 * the last word. The result is in `digest`.
 */
export function hashBlock(block: Int32Array): void {
  for (let i = 0; i < 16; i++) schedule[i] = block[i] ?? 0;
  for (let i = 16; i < 64; i++) {
    const x = schedule[i - 15] ?? 0;
    const y = schedule[i - 2] ?? 0;
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    schedule[i] = ((schedule[i - 16] ?? 0) + small0 + (schedule[i - 7] ?? 0) + small1) | 0;
  }
  let a = initial[0] ?? 0;
  let b = initial[1] ?? 0;
  let c = initial[2] ?? 0;
  let d = initial[3] ?? 0;
  let e = initial[4] ?? 0;
  let f = initial[5] ?? 0;
  let g = initial[6] ?? 0;
  let h = initial[7] ?? 0;
  for (let i = 0; i < 64; i++) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const first = (h + big1 + ((e & f) ^ (~e & g)) + (rounds[i] ?? 0) + (schedule[i] ?? 0)) | 0;
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  digest[0] = (initial[0] ?? 0) + a;
  digest[1] = (initial[1] ?? 0) + b;
  digest[2] = (initial[2] ?? 0) + c;
  digest[3] = (initial[3] ?? 0) + d;
  digest[4] = (initial[4] ?? 0) + e;
  digest[5] = (initial[5] ?? 0) + f;
  digest[6] = (initial[6] ?? 0) + g;
  digest[7] = (initial[7] ?? 0) + h;
}

function listPrimes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

/**
 * The first 32 bits of the fraction of a root, in whole numbers: the root of prime · 2^(32 · degree), less
 * its whole part.
 */
function fraction(prime: number, degree: 2 | 3): number {
  const target = BigInt(prime) << BigInt(32 * degree);
  let root = 0n;
  for (let bit = 36n; bit >= 0n; bit--)
    if ((root | (1n << bit)) ** BigInt(degree) <= target) root |= 1n << bit;
  return Number(BigInt.asIntN(32, root));
}
