import { describe, expect, it } from '@jest/globals';
import { makeScoredRows } from '../ranking/synthetic.ts';
import { shareServer } from '../server/serve.ts';
import { attack } from './hostile.ts';

const server = shareServer(makeScoredRows(200));

describe('requests made from the OpenAPI document', () => {
  it('find no defect', async () => {
    const { byStatus, failures } = await attack(server().url, { count: 500, seed: 18 });
    expect(failures).toEqual([]);
    // They are not all turned away at the door.
    expect(byStatus.get(200) ?? 0).toBeGreaterThan(10);
    expect(byStatus.get(400) ?? 0).toBeGreaterThan(100);
    expect((await server().ask('/rank?keep=0.1')).status).toBe(200);
  }, 60_000);
});
