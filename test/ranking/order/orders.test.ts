import { describe, expect, it } from '@jest/globals';
import { Orders } from '../../../ranking/order/orders.ts';
import { makeScoredRows, rankRows, withRun } from '../synthetic.ts';

describe('background work on orders', () => {
  it('gives way to requests', async () => {
    await withRun(async (run) => {
      const orders = new Orders(run, await rankRows(run, makeScoredRows(300)));
      try {
        const published = await orders.read();
        const ended: string[] = [];
        const first = orders.retarget(['gsm8k'], published).then(() => ended.push('first'));
        const background = orders.rankAhead().then(() => ended.push('background'));
        const second = orders.retarget(['mmlu'], published).then(() => ended.push('second'));
        await Promise.all([first, background, second]);
        expect(ended).toEqual(['first', 'second', 'background']);
      } finally {
        await orders.close(1000);
      }
    });
  });
});
