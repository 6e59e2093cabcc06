// The tokens that a judge may spend, together with all other processes that judge.

import { formatCount } from '../../run/amounts.ts';
import { fail } from '../../run/errors/errors.ts';
import type { ReplyStore } from './reply-store.ts';

/** How long the tokens that other processes spent may be unknown. */
const refreshMs = 1000;
/** Or until this process has spent this share of what was left. */
const refreshShare = 1 / 8;

export interface Budget {
  mostTokens: number;
  price: number | undefined;
  tokens?: number | undefined;
  money?: number | undefined;
}

export interface Spending {
  /** Reads what other processes have stored since. Errors: FILE_UNREADABLE. */
  refresh: () => Promise<void>;
  /**
   * Runs a request that returns its tokens, once the budget has room for it beside those in flight. Errors:
   * JUDGE_BUDGET, FILE_UNREADABLE, those of the request.
   */
  spend: (request: () => Promise<number>) => Promise<number>;
}

/** Guards the budget of a judge. */
export function openSpending(
  store: Pick<ReplyStore, 'tokens' | 'refresh'>,
  budget: Budget,
  judge: string,
): Spending {
  const { mostTokens } = budget;
  let [refreshedMs, usedThen] = [-Infinity, 0];
  let inFlight = 0;
  /** The most tokens of a request. */
  let perRequest = 0;
  let waiting: (() => void)[] = [];

  const refresh = async (): Promise<void> => {
    refreshedMs = performance.now();
    await store.refresh();
    usedThen = store.tokens();
  };
  const refreshIfOld = async (): Promise<void> => {
    const isOld =
      performance.now() - refreshedMs >= refreshMs ||
      store.tokens() + inFlight * perRequest - usedThen > refreshShare * (mostTokens - usedThen);
    if (isOld) await refresh();
  };
  const hasRoom = async (): Promise<boolean> => {
    await refreshIfOld();
    // What is in flight may be enough, and the last one is sent alone, as is the first one, which shows its size.
    if (inFlight > 0) return perRequest > 0 && store.tokens() + inFlight * perRequest < mostTokens;
    if (store.tokens() < mostTokens) return true;
    await refresh();
    throw overBudget(judge, store.tokens(), budget);
  };

  return {
    refresh,
    async spend(request) {
      if (mostTokens === Infinity) return request();
      while (!(await hasRoom())) await new Promise<void>((resolve) => waiting.push(resolve));
      inFlight++;
      try {
        const tokens = await request();
        perRequest = Math.max(perRequest, tokens);
        return tokens;
      } finally {
        inFlight--;
        const woken = waiting;
        waiting = [];
        for (const wake of woken) wake();
      }
    },
  };
}

function overBudget(judge: string, used: number, { mostTokens, tokens, price }: Budget): Error {
  const isMoney = tokens === undefined || mostTokens < tokens;
  const cost = price === undefined ? '' : `, which cost ${((used * price) / 1e6).toPrecision(3)}`;
  return fail('JUDGE_BUDGET', {
    judge,
    spent: `${formatCount(used)} tokens${cost}`,
    key: isMoney ? 'budget.money' : 'budget.tokens',
  });
}
