import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseLogit } from '../../../scoring/scorers/head.ts';
import { silent } from '../../../run/progress.ts';
import { parseSettings } from '../../../run/read-settings.ts';
import { type Head, openHead, scoresOf } from '../../../models/onnx/head.ts';
import { openVectors } from '../../../indexer/vectors/vectors.ts';
import { type TinyHead, tinyLogits, writeTinyHead } from './tiny-head.ts';

jest.setTimeout(120_000);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-head-'));
});
afterAll(() => rm(root, { recursive: true }));

const { embedding } = parseSettings(
  '{corpus: {files: [a]}, benchmarks: [{name: b, files: [b]}], embedding: {device: cpu}}',
  '',
);
const open = (name: string): Promise<Head> => openHead(name, embedding, root, silent);

const rating: TinyHead = {
  weights: { '[UNK]': [0.25], good: [4], bad: [-3], fine: [1.5] },
  config: { id2label: { 0: 'LABEL_0' }, problem_type: 'regression' },
};
const three: TinyHead = {
  weights: { '[UNK]': [0, 0, 0], good: [1, 5, -2], bad: [2, -4, 1], fine: [-1, 1, 0] },
  config: { id2label: { 0: 'spam', 1: 'High Quality', 2: 'other' } },
};

// Texts of many lengths, so batches are padded and filled several times.
const texts = Array.from({ length: 400 }, (_, i) =>
  Array.from(
    { length: 1 + ((i * 7) % 90) },
    (_word, j) => ['good', 'bad', 'fine', 'unseen', 'GOOD'][(i * j + i + j * j) % 5],
  ).join(' '),
);

describe('a head', () => {
  it.each([
    ['one number', rating],
    ['three labels', three],
  ] as const)('gives every text its own logits: %s', async (name, tiny) => {
    const folder = name.replace(' ', '-');
    await writeTinyHead(join(root, folder), tiny);
    const head = await open(folder);
    const logits = await head.embed(texts);
    for (const [i, text] of texts.entries())
      for (const [label, logit] of tinyLogits(tiny, text).entries())
        expect(logits[i * head.dimensions + label]).toBeCloseTo(logit, 4);
    await head.close();
  });

  it('scores by the logit itself, by the softmax, or by each label alone', () => {
    const logits = Float32Array.of(1, 3, -2, 200, -200, 0);
    expect([...scoresOf({ kind: 'regression', labels: ['a'] }, logits, 0)]).toEqual([...logits]);
    const [first = 0, second = 0] = scoresOf({ kind: 'one', labels: ['a', 'b', 'c'] }, logits, 1);
    expect(first).toBeCloseTo(Math.exp(3) / (Math.exp(1) + Math.exp(3) + Math.exp(-2)), 12);
    expect(second).toBeCloseTo(0, 12);
    expect(scoresOf({ kind: 'one', labels: ['a', 'b', 'c'] }, logits, 0)[1]).toBe(1);
    expect([...scoresOf({ kind: 'several', labels: ['a', 'b', 'c'] }, logits, 0)]).toEqual([
      1 / (1 + Math.exp(-1)),
      1,
    ]);
  });

  it('takes its labels and their type from its configuration', async () => {
    await writeTinyHead(join(root, 'two'), { weights: { '[UNK]': [0, 1] } });
    expect(await open('two')).toMatchObject({ labels: ['LABEL_0', 'LABEL_1'], kind: 'one' });
    await writeTinyHead(join(root, 'several'), {
      ...three,
      config: { ...three.config, problem_type: 'multi_label_classification' },
    });
    expect(await open('several')).toMatchObject({
      labels: ['spam', 'High Quality', 'other'],
      kind: 'several',
    });
    expect(await open('one-number')).toMatchObject({
      labels: ['LABEL_0'],
      kind: 'regression',
      name: 'one-number',
      source: `folder ${join(root, 'one-number')}`,
    });
    const choose = (labels: string[], asked: string): number =>
      chooseLogit({ name: 'm', labels, kind: 'one' }, asked);
    expect([
      choose(['x'], ''),
      choose(['LABEL_0', 'LABEL_1'], ''),
      choose(['POSITIVE', 'NEGATIVE'], ''),
      choose(['cc', 'hq'], ''),
    ]).toEqual([0, 1, 0, 1]);
    expect([choose(['spam', 'High Quality'], 'high quality'), choose(['A', 'a'], 'a')]).toEqual([1, 1]);
    expect(() => choose(['spam', 'High Quality'], '')).toThrow(
      /does not say .*"spam", "High Quality".*head:MODEL#LABEL/,
    );
    expect(() => choose(['a', 'b', 'c'], 'd')).toThrow(/no label "d"/);
  });

  it('is another head with other bytes, and reads each text once', async () => {
    const first = await open('three-labels');
    const asked: string[] = [];
    const counting: Head = { ...first, embed: (some) => (asked.push(...some), first.embed(some)) };
    const once = await (await openVectors(counting, join(root, 'kept'))).embed(texts, silent, '');
    const again = await (
      await openVectors(counting, join(root, 'kept'))
    ).embed([...texts, 'a new one'], silent, '');
    expect(asked).toHaveLength(new Set(texts).size + 1);
    expect(again.vectors.subarray(0, once.vectors.length)).toEqual(once.vectors);
    expect((await open('three-labels')).fingerprint).toBe(first.fingerprint);
    await writeTinyHead(join(root, 'three-labels'), {
      ...three,
      weights: { ...three.weights, good: [1, 5, -3] },
    });
    expect((await open('three-labels')).fingerprint).not.toBe(first.fingerprint);
  });

  it('comes from a hub in the available number type, and is fetched once', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      const [, file = ''] = /^\/tiny\/judge\/resolve\/main\/([^?]*)/.exec(request.url ?? '') ?? [];
      asked.push(file);
      const path = join(root, 'three-labels', file);
      if (file !== '' && existsSync(path)) createReadStream(path).pipe(response);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    Object.assign(process.env, {
      HF_ENDPOINT: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
      BETR_CACHE: join(root, 'cache'),
    });
    try {
      const online = await open('tiny/judge');
      expect(online).toMatchObject({
        name: 'tiny/judge',
        source: 'model hub, tiny/judge',
        labels: ['spam', 'High Quality', 'other'],
      });
      const logits = await online.embed(['good bad']);
      expect(logits).toEqual(await (await open('three-labels')).embed(['good bad']));
      // The 8-bit file is tried first, but does not exist.
      expect(asked).toEqual(expect.arrayContaining(['onnx/model_quantized.onnx', 'onnx/model.onnx']));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      const offline = await open('tiny/judge');
      expect(offline.fingerprint).toBe(online.fingerprint);
      expect(await offline.embed(['good bad'])).toEqual(logits);
    } finally {
      delete process.env['HF_ENDPOINT'];
      delete process.env['BETR_CACHE'];
      server.close();
    }
  });

  it('is refused, with the reason, if the model is not one', async () => {
    await expect(open('./nowhere')).rejects.toMatchObject({
      code: 'HEAD_UNAVAILABLE',
      message: expect.stringMatching(/there is no folder .*head:MODEL/),
    });
    await writeTinyHead(join(root, 'embedder'), { ...rating, output: 'last_hidden_state' });
    await expect((await open('embedder')).embed(['good'])).rejects.toMatchObject({
      code: 'HEAD_INVALID',
      message: expect.stringMatching(/returns last_hidden_state but no logits/),
    });
    await writeTinyHead(join(root, 'counted'), { ...three, config: { id2label: { 0: 'a', 1: 'b' } } });
    await expect((await open('counted')).embed(['good'])).rejects.toMatchObject({
      code: 'HEAD_INVALID',
      message: expect.stringMatching(/3 logits per text, but its config.json has 2 labels/),
    });
    await writeTinyHead(join(root, 'infinite'), {
      weights: { '[UNK]': [Infinity] },
      config: rating.config ?? {},
    });
    await expect((await open('infinite')).embed(['good'])).rejects.toMatchObject({
      code: 'HEAD_INVALID',
      message: expect.stringMatching(/not finite numbers/),
    });
    await writeFile(join(root, 'counted', 'config.json'), '{"id2label": ["a"]}');
    await expect(open('counted')).rejects.toMatchObject({
      code: 'HEAD_UNAVAILABLE',
      message: expect.stringMatching(/config\.json/),
    });
  });
});
