// Closes orders while their thread combines scores, and does not wait for the thread.

import { setTimeout } from 'node:timers/promises';
import { Orders } from '../../../ranking/order/orders.ts';
import { makeScoredRows, rankRows, withRun } from '../synthetic.ts';

// The thread of closed orders keeps no process alive.
const awake = setInterval(() => undefined, 1000);
await withRun(async (run) => {
  const ranking = await rankRows(run, makeScoredRows(5_000));
  for (let round = 0; round < 4; round++) {
    const orders = new Orders(run, ranking);
    const published = await orders.read();
    const answer = orders.retarget(['gsm8k', 'arc_easy'], published).then(
      () => 'answered',
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
    );
    await setTimeout(10 * round);
    await orders.close(0);
    process.stdout.write(`${await answer}\n`);
  }
});
clearInterval(awake);
