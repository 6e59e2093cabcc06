// A two-node ONNX graph, built in memory: scores = queries · documentsᵀ, then each query's K best. Writing
// its few protobuf bytes directly avoids a model file and a protobuf library. Field numbers:
// onnx/onnx.proto3.

import { FLOAT, INT64, integer, message, tensor, text } from './onnx-bytes.ts';

const INT_ATTRIBUTE = 2;

/**
 * The graph's bytes for `InferenceSession.create`. Inputs: queries float32 [q, d], documents float32 [n, d],
 * k int64 [1]. Outputs: values float32 [q, k], best first, and indices int64 [q, k]; of equal values the
 * smaller index comes first (guaranteed by ONNX's TopK).
 */
export function topKGraph(): Uint8Array {
  const gemm = [
    ...text(1, 'queries'),
    ...text(1, 'documents'),
    ...text(2, 'scores'),
    ...text(4, 'Gemm'),
    ...message(5, [...text(1, 'transB'), ...integer(3, 1), ...integer(20, INT_ATTRIBUTE)]),
  ];
  const topK = [
    ...text(1, 'scores'),
    ...text(1, 'k'),
    ...text(2, 'values'),
    ...text(2, 'indices'),
    ...text(4, 'TopK'),
  ];
  const graph = [
    ...message(1, gemm),
    ...message(1, topK),
    ...text(2, 'nearest'),
    ...message(11, tensor('queries', FLOAT, ['q', 'd'])),
    ...message(11, tensor('documents', FLOAT, ['n', 'd'])),
    ...message(11, tensor('k', INT64, [1])),
    ...message(12, tensor('values', FLOAT, ['q', 'best'])),
    ...message(12, tensor('indices', INT64, ['q', 'best'])),
  ];
  const irVersion = 8;
  const opset = 13;
  return Uint8Array.from([...integer(1, irVersion), ...message(7, graph), ...message(8, integer(2, opset))]);
}
