// Numbers beyond the bounds that all numbers have. Every place that takes a number refuses them with a sentence:
// no stack, and no NaN or Infinity in the answer.

/** No setting, option, parameter or cell takes any of these. */
export const beyond = [
  '1e31',
  '-1e31',
  '1e400',
  '-1e400',
  '1e-31',
  'Infinity',
  '-Infinity',
  'NaN',
  '-1',
  '9'.repeat(40),
  `0.${'0'.repeat(40)}1`,
];
