// Encodes ONNX graphs: the few kinds of protocol buffer fields that a small graph needs (onnx.proto has their
// numbers).

/** Types of tensor elements. */
export const FLOAT = 1;
export const INT64 = 7;

/** A ValueInfoProto: a tensor's name, type, and dimensions by name or size. */
export function tensor(name: string, type: number, dimensions: readonly (string | number)[]): number[] {
  const shape = dimensions.flatMap((size) =>
    message(1, typeof size === 'string' ? text(2, size) : integer(1, size)),
  );
  return [...text(1, name), ...message(2, message(1, [...integer(1, type), ...message(2, shape)]))];
}

/** A field that holds bytes, such as another message. */
export function message(field: number, bytes: readonly number[]): number[] {
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];
}

/** A field that holds text. */
export function text(field: number, value: string): number[] {
  return message(field, [...Buffer.from(value)]);
}

/** A field that holds an integer. */
export function integer(field: number, value: number): number[] {
  return [...varint(field * 8), ...varint(value)];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
