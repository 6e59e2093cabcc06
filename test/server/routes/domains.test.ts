import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { silent } from '../../../run/progress.ts';
import { domainSettingsSchema } from '../../../run/domain-settings.ts';
import { weighDomains } from '../../../domains/domains.ts';
import { domainWeightsSchema } from '../../../domains/result.ts';
import { goldenTables } from '../../domains/tables.ts';
import { withServer } from '../serve.ts';

describe('GET /domains', () => {
  it('is what betr domains found, all of it or the best, as JSON and as CSV', async () => {
    await withServer(async ({ ask, run }) => {
      expect(await ask('/domains')).toMatchObject({ status: 409, json: { code: 'STEP_MISSING' } });
      const tables = { losses: goldenTables.wide, errors: goldenTables.errors, tokens: goldenTables.tokens };
      for (const [name, table] of Object.entries(tables))
        await writeFile(join(run.settingsFolder, `${name}.csv`), table);
      const weights = await weighDomains(
        run,
        domainSettingsSchema.parse({
          losses: 'losses.csv',
          errors: 'errors.csv',
          tokens: 'tokens.csv',
          keepRate: 0.5,
          resamples: 10,
        }),
        silent,
      );
      const reply = await ask('/domains');
      expect(reply.status).toBe(200);
      expect(domainWeightsSchema.parse(reply.json)).toEqual(weights);
      expect((await ask('/domains?most=1')).json).toEqual({
        ...weights,
        domains: weights.domains.slice(0, 1),
      });
      const csv = await ask('/domains?format=csv');
      expect(csv.headers.get('content-type')).toContain('text/csv');
      const [header, first, ...rest] = csv.text.trim().split('\r\n');
      expect(header).toBe('domain,tokens,estimate,low,high,chosen,weight,include');
      expect(first).toMatch(/^d1,400,1,.*,0\.8,true$/);
      expect(rest).toHaveLength(3);
      expect(await ask('/domains?most=0')).toMatchObject({ status: 400, json: { code: 'OPTION_INVALID' } });
      expect(await ask('/domains?top=3')).toMatchObject({ status: 400, json: { code: 'PARAMETER_UNKNOWN' } });
    });
  });
});
