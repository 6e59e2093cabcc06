// Imports DuckDB's library with `require`: `import` would scan each of its 187 files for export names, which
// takes 0.15 s in every process.

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
