// The values of DuckDB's library, by `require`: `import` would first read each of its 187 files for the names
// in it, 0.15 s of every process that starts.

import duckdb = require('@duckdb/node-api');
import bindings = require('@duckdb/node-bindings');

export const {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  FLOAT,
  INTEGER,
  UBIGINT,
  USMALLINT,
  VARCHAR,
  DuckDBBigIntVector,
  DuckDBBlobValue,
  DuckDBBlobVector,
  DuckDBDataChunk,
  DuckDBDoubleVector,
  DuckDBFloatVector,
  DuckDBInstance,
  DuckDBUIntegerVector,
  DuckDBVarCharVector,
  JSDuckDBValueConverter: toJs,
  ResultReturnType,
} = duckdb;

export { bindings };
