// A transformer head of a few bytes: every token of the vocabulary has a weight for each label, and a text's
// logits are the means over its tokens, without padding. Field numbers: onnx/onnx.proto3.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FLOAT, INT64, integer, message, tensor, text } from '../../../models/onnx/onnx-bytes.ts';

export interface TinyHead {
  /** Weights of each word, one per label; unknown words have those of [UNK]. */
  weights: Readonly<Record<string, readonly number[]>>;
  config?: Readonly<Record<string, unknown>>;
  /** Name of the output. */
  output?: string;
}

export const unknownWord = '[UNK]';

/** Writes config.json, tokenizer.json, tokenizer_config.json and onnx/model.onnx into `folder`. */
export async function writeTinyHead(
  folder: string,
  { weights, config = {}, output = 'logits' }: TinyHead,
): Promise<void> {
  const words = Object.keys(weights);
  if (!words.includes(unknownWord)) throw new Error('A head needs weights for unknown words.');
  await mkdir(join(folder, 'onnx'), { recursive: true });
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({ model_type: 'bert', architectures: ['BertForSequenceClassification'], ...config }),
  );
  const model = {
    type: 'WordLevel',
    vocab: Object.fromEntries(words.map((word, id) => [word, id])),
    unk_token: unknownWord,
  };
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: null,
    decoder: null,
    model,
  };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({
      tokenizer_class: 'PreTrainedTokenizerFast',
      unk_token: unknownWord,
      model_max_length: 512,
    }),
  );
  await writeFile(join(folder, 'onnx', 'model.onnx'), graphBytes(Object.values(weights), output));
}

/** The logits that the model should give for a text. */
export function tinyLogits({ weights }: TinyHead, text: string): number[] {
  const rows = (text.toLowerCase().match(/\w+|[^\w\s]+/g) ?? [])
    .slice(0, 512)
    .map((word) => weights[word] ?? weights[unknownWord] ?? []);
  return (rows[0] ?? []).map(
    (_, label) => rows.reduce((sum, row) => sum + (row[label] ?? 0), 0) / rows.length,
  );
}

function graphBytes(table: readonly (readonly number[])[], output: string): Uint8Array {
  const labels = table[0]?.length ?? 0;
  const node = (type: string, inputs: string[], to: string, attributes: number[][] = []): number[] =>
    message(1, [
      ...inputs.flatMap((name) => text(1, name)),
      ...text(2, to),
      ...text(4, type),
      ...attributes.flatMap((attribute) => message(5, attribute)),
    ]);
  const whole = (name: string, value: number): number[] => [
    ...text(1, name),
    ...integer(3, value),
    ...integer(20, 2),
  ];
  const graph = [
    ...node('Gather', ['weights', 'input_ids'], 'tokens'),
    ...node('Cast', ['attention_mask'], 'mask', [whole('to', FLOAT)]),
    ...node('Unsqueeze', ['mask', 'two'], 'wide'),
    ...node('Mul', ['tokens', 'wide'], 'masked'),
    ...node('ReduceSum', ['masked', 'one'], 'sums', [whole('keepdims', 0)]),
    ...node('ReduceSum', ['mask', 'one'], 'counts', [whole('keepdims', 1)]),
    ...node('Div', ['sums', 'counts'], output),
    ...text(2, 'head'),
    ...message(5, [
      ...integer(1, table.length),
      ...integer(1, labels),
      ...integer(2, FLOAT),
      ...text(8, 'weights'),
      ...message(9, [...new Uint8Array(Float32Array.from(table.flat()).buffer)]),
    ]),
    ...[
      ['one', 1],
      ['two', 2],
    ].flatMap(([name = '', axis = 0]) =>
      message(5, [
        ...integer(1, 1),
        ...integer(2, INT64),
        ...text(8, String(name)),
        ...message(9, [...new Uint8Array(BigInt64Array.of(BigInt(axis)).buffer)]),
      ]),
    ),
    ...message(11, tensor('input_ids', INT64, ['texts', 'length'])),
    ...message(11, tensor('attention_mask', INT64, ['texts', 'length'])),
    ...message(12, tensor(output, FLOAT, ['texts', labels])),
  ];
  return Uint8Array.from([...integer(1, 8), ...message(7, graph), ...message(8, integer(2, 13))]);
}
