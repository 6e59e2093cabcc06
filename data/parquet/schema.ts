// Reads the schema in a Parquet footer: a tree of columns with their types and levels.

import { type Cursor, openCursor } from './cursor.ts';
import {
  binaryReader,
  integerReader,
  rawReader,
  readList,
  readStruct,
  skipValue,
  type ThriftValue,
} from './thrift.ts';

/** Parquet's physical types, by their numbers in the format. */
export const physicalTypes = [
  'BOOLEAN',
  'INT32',
  'INT64',
  'INT96',
  'FLOAT',
  'DOUBLE',
  'BYTE_ARRAY',
  'FIXED_LEN_BYTE_ARRAY',
] as const;
export type PhysicalType = (typeof physicalTypes)[number];

export interface SchemaNode {
  name: string;
  repetition: 'required' | 'optional' | 'repeated';
  children: SchemaNode[];
  /**
   * For a column with values (a leaf): its type, its index among the leaves, and the bytes of a fixed-length
   * value.
   */
  type: PhysicalType | undefined;
  leaf: number;
  typeLength: number;
  /** Whether its values are annotated as UTF-8 strings. */
  isText: boolean;
  /** The maximum definition and repetition levels of its values. */
  maxDefinition: number;
  maxRepetition: number;
  /** Its Thrift fields, as written. */
  raw: ReadonlyMap<number, ThriftValue>;
}

/** The leaves below a node, in order. */
export function listLeaves(node: SchemaNode): SchemaNode[] {
  return node.type === undefined ? node.children.flatMap(listLeaves) : [node];
}

const repetitions = ['required', 'optional', 'repeated'] as const;
/** UTF8, ENUM, and JSON, as converted types and as logical types. */
const convertedTexts = [0, 4, 19];
const logicalTexts = [1, 4, 12];
const deepest = 100;

interface Element {
  node: SchemaNode;
  children: number;
}

/** Parses the list of schema elements. Throws if it is missing or inconsistent. */
export function readSchema(list: ThriftValue | undefined): SchemaNode {
  if (list === undefined) throw new Error('it has no schema');
  const elements: Element[] = [];
  const cursor = openCursor(list.bytes);
  readList(cursor, () => elements.push(readElement(list.bytes, cursor)));
  let next = 0;
  let leaf = 0;
  const place = (parent: SchemaNode | undefined, depth: number): SchemaNode => {
    const element = elements[next++];
    if (element === undefined || depth > deepest) throw new Error('its schema is inconsistent');
    const { node, children } = element;
    // The root has no levels, even if it is not marked as required.
    node.maxDefinition =
      (parent?.maxDefinition ?? 0) + (parent === undefined || node.repetition === 'required' ? 0 : 1);
    node.maxRepetition =
      (parent?.maxRepetition ?? 0) + (parent !== undefined && node.repetition === 'repeated' ? 1 : 0);
    if (node.type !== undefined) node.leaf = leaf++;
    for (let i = 0; i < children; i++) node.children.push(place(node, depth + 1));
    return node;
  };
  const root = place(undefined, 0);
  if (next !== elements.length || root.type !== undefined) throw new Error('its schema is inconsistent');
  return root;
}

function readElement(bytes: Uint8Array, cursor: Cursor): Element {
  const raw = new Map<number, ThriftValue>();
  readStruct(
    cursor,
    Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [
        i + 1,
        rawReader(bytes, cursor, (value) => raw.set(i + 1, value)),
      ]),
    ),
  );
  const number = (id: number): number | undefined => {
    const value = raw.get(id);
    let found: number | undefined;
    if (value !== undefined) integerReader(openCursor(value.bytes), (read) => (found = read))(value.type);
    return found;
  };
  let name = '';
  const named = raw.get(4);
  if (named !== undefined)
    binaryReader(openCursor(named.bytes), (read) => (name = Buffer.from(read).toString()))(named.type);
  const [type, children = 0] = [number(1), number(5)];
  const isLeaf = type !== undefined && children === 0;
  const physical = physicalTypes[type ?? 0];
  const repetition = repetitions[number(3) ?? 0];
  if (repetition === undefined || physical === undefined || children < 0)
    throw new Error('its schema is inconsistent');
  const logical = raw.get(10);
  const isText =
    convertedTexts.includes(number(6) ?? -1) ||
    (logical !== undefined && logicalTexts.includes(firstField(logical)));
  const typeLength = number(2) ?? 0;
  return {
    children,
    node: {
      name,
      repetition,
      children: [],
      type: isLeaf ? physical : undefined,
      leaf: -1,
      typeLength,
      isText: isText && isLeaf && physical === 'BYTE_ARRAY',
      maxDefinition: 0,
      maxRepetition: 0,
      raw,
    },
  };
}

/** The number of the field that a union has. */
function firstField({ type, bytes }: ThriftValue): number {
  let id = -1;
  const cursor = openCursor(bytes);
  if (type === 12)
    readStruct(
      cursor,
      Object.fromEntries(
        logicalTexts.map((text) => [
          text,
          (own) => {
            id = text;
            skipValue(cursor, own);
          },
        ]),
      ),
    );
  return id;
}
