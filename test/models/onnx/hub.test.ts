import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals';
import { openTransformer } from '../../../models/onnx/embedder.ts';
import { embedding, model, withModel } from './transformer-settings.ts';

jest.setTimeout(300_000);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-model-'));
});
afterAll(() => rm(root, { recursive: true }));

describe('the model hub', () => {
  withModel('is asked once; afterwards everything is in the cache, and no connection is needed', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      const [, file = ''] = /^\/tiny\/mini\/resolve\/main\/([^?]*)/.exec(request.url ?? '') ?? [];
      asked.push(file);
      const path = join(model ?? '', file);
      if (file === '1_Pooling/config.json') response.end('{"pooling_mode_cls_token": true}');
      else if (file !== '' && existsSync(path)) createReadStream(path).pipe(response);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const host = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    Object.assign(process.env, { HF_ENDPOINT: host, BETR_CACHE: join(root, 'cache') });
    try {
      const online = await openTransformer(embedding({ model: 'tiny/mini', dtype: 'q8' }), root);
      expect(online).toMatchObject({ name: 'tiny/mini', source: 'model hub, tiny/mini', dimensions: 384 });
      const vectors = await online.embed(['Boil the pasta.']);
      // The mean and the first token differ, so the hub's own 1_Pooling/config.json was used.
      expect(vectors).toEqual(
        await (await openTransformer(embedding({ model, pooling: 'cls' }), root)).embed(['Boil the pasta.']),
      );
      expect(asked).toContain('1_Pooling/config.json');
      await expect(openTransformer(embedding({ model: 'tiny/other' }), root)).rejects.toMatchObject({
        code: 'MODEL_UNAVAILABLE',
      });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      const offline = await openTransformer(embedding({ model: 'tiny/mini', dtype: 'q8' }), root);
      expect(await offline.embed(['Boil the pasta.'])).toEqual(vectors);
      expect(offline.fingerprint).toBe(online.fingerprint);
      await expect(openTransformer(embedding({ model: 'tiny/third' }), root)).rejects.toMatchObject({
        code: 'MODEL_UNAVAILABLE',
        message: expect.stringMatching(/embedding\.pooling|fetch failed/),
      });
    } finally {
      delete process.env['HF_ENDPOINT'];
      delete process.env['BETR_CACHE'];
      server.close();
    }
  });

  withModel('is not needed for a folder, wherever it is', async () => {
    const odd = join(root, 'a folder [with] brackets', 'my model');
    await mkdir(dirname(odd), { recursive: true });
    await cp(model ?? '', odd, { recursive: true });
    expect(
      (await openTransformer(embedding({ model: 'a folder [with] brackets/my model' }), root)).dimensions,
    ).toBe(384);
  });
});
