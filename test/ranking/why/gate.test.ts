import { describe, expect, it } from '@jest/globals';
import { Gate } from '../../../ranking/why/gate.ts';

describe('a gate', () => {
  it('lets a limited number in at a time, in order, and refuses those that would wait too long', async () => {
    const gate = new Gate(2, 2);
    const order: string[] = [];
    const ends: (() => void)[] = [];
    const enter = (name: string): Promise<void> =>
      gate.enter(async () => {
        order.push(name);
        await new Promise<void>((resolve) => ends.push(resolve));
      });
    const all = [enter('a'), enter('b'), enter('c'), enter('d')];
    await expect(enter('e')).rejects.toMatchObject({ code: 'BUSY' });
    expect(gate.load()).toEqual({ working: 2, waiting: 2 });
    while (order.length < 4) {
      ends.shift()?.();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    for (const end of ends) end();
    await Promise.all(all);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    expect(gate.load()).toEqual({ working: 0, waiting: 0 });
  });

  it('is free again after work that failed', async () => {
    const gate = new Gate(1, 0);
    await expect(gate.enter(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(gate.load().working).toBe(0);
    await expect(gate.enter(() => Promise.resolve('done'))).resolves.toBe('done');
  });
});
