// Student's t distribution for whole degrees of freedom.

/** The quantile at `share`, above .5. Exact, by bisection. */
export function studentQuantile(share: number, freedom: number): number {
  let [low, high] = [0, 1];
  while (within(high, freedom) < 2 * share - 1) high *= 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (within(middle, freedom) < 2 * share - 1) low = middle;
    else high = middle;
  }
  return high;
}

/** The probability of a value between -t and t (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4). */
function within(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const cosine = Math.cos(angle);
  const isOdd = freedom % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let i = isOdd ? 3 : 2; i <= freedom - 2; i += 2) {
    term *= ((i - 1) / i) * cosine ** 2;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}
