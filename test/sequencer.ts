// Jest starts with the largest files if it does not know how long each takes. Here the slowest tests are not
// the largest files; one core would run them alone at the end.

// eslint-disable-next-line @typescript-eslint/no-require-imports -- its types have no default export
import jest = require('@jest/test-sequencer');

const longest = [
  'cli/commands/demo',
  'crash/crash',
  'cli/killed',
  'shared/sources',
  'cli/disk-full',
  'domains/published',
  'fuzz/fuzz',
  'server/page/page',
  'server/page/panels',
  'server/jobs/jobs',
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
