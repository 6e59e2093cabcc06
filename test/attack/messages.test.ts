// However long an input is, an error repeats only its beginning.

import { expect, it } from '@jest/globals';
import { withServer } from '../server/serve.ts';

const long = 'a'.repeat(3_000);
const paths = [
  `/${long}`,
  `/calibrations/${long}`,
  `/jobs/${long}`,
  `/rank?${long}=1`,
  `/rank?${long}=1&${long}=2`,
  `/rank?${Array.from({ length: 700 }, () => 'keep=1').join('&')}`,
  `/rank?keep=${'b'.repeat(3_000)}&keep=2`,
  ...['budget', 'keep', 'score', 'pool', 'benchmarks', 'maxEpochs'].map((name) => `/rank?${name}=${long}`),
  `/rank?keep=0.1&pool=${long}`,
  `/selection?keep=0.1&format=${long}`,
  `/domains?format=${long}`,
  `/documents/${long}/1/why`,
  `/documents/1/${long}/why`,
  `/audit/state?person=${long}`,
  `/audit/state?person=Ada&audit=${long}`,
  `/audit/documents/${long}`,
];

it('is short, whatever the request was', async () => {
  await withServer(async ({ ask }) => {
    for (const path of paths) {
      const { status, text } = await ask(path);
      const shown = path.slice(0, 40);
      expect({ shown, isRefused: status >= 400 && status < 500 }).toEqual({ shown, isRefused: true });
      const longest = Math.max(...[...text.matchAll(/a+|b+/g)].map(([run]) => run.length));
      expect({ shown, isShort: longest <= 200 }).toEqual({ shown, isShort: true });
      expect(text.length).toBeLessThan(2_000);
    }
    const { status, text } = await ask(`/${long}`, { method: 'POST' });
    expect(status).toBe(404);
    expect(text.length).toBeLessThan(1_000);
  });
});
