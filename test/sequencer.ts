// Jest begins with the largest files where it does not know yet how long each takes. What takes longest here
// is not what is longest to read, and would be left to one core at the end.

// eslint-disable-next-line @typescript-eslint/no-require-imports -- by its types the package has no default export that could be imported
import jest = require('@jest/test-sequencer');

const longest = [
  'crash/crash',
  'cli/commands/demo',
  'cli/killed',
  'shared/sources',
  'cli/disk-full',
  'domains/published',
  'fuzz/fuzz',
];

type Tests = Parameters<jest.default['sort']>[0];

export default class LongestFirst extends jest.default {
  override async sort(tests: Tests): Promise<Tests> {
    const sorted = await super.sort(tests);
    return [
      ...longest.flatMap((name) => sorted.filter((test) => isOf(test, name))),
      ...sorted.filter((test) => !longest.some((name) => isOf(test, name))),
    ];
  }
}

function isOf({ path }: Tests[number], name: string): boolean {
  return path.endsWith(`/${name}.test.js`);
}
