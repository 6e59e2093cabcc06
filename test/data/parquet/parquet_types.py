# Writes Parquet files of every type that pyarrow supports, and checks that copied rows equal the originals.
#   parquet_types.py make FOLDER      writes FOLDER/KIND.parquet
#   parquet_types.py compare FOLDER   compares FOLDER/KIND.parquet with FOLDER/copies/KIND.parquet, whose rows
#                                     are listed in FOLDER/rows.json; prints a list of differences as JSON
import datetime, decimal, json, os, sys, uuid
import pyarrow as pa, pyarrow.parquet as pq

count = 400
folder = sys.argv[2]


def some(value):
    return [None if i % 7 == 3 else value(i) for i in range(count)]


def columns():
    made = {
        'id': pa.array([f'r{i}' for i in range(count)]),
        'text': pa.array([f'Row {i} ' + 'w' * (i % 300) for i in range(count)]),
        'bool': pa.array(some(lambda i: i % 3 == 0)),
    }
    for bits in (8, 16, 32, 64):
        made[f'int{bits}'] = pa.array(
            some(lambda i: (i % 128) * (-1 if i % 2 else 1)), getattr(pa, f'int{bits}')()
        )
        made[f'uint{bits}'] = pa.array(some(lambda i: 2**bits - 1 - i % 200), getattr(pa, f'uint{bits}')())
    odd = lambda i: [float('nan'), -0.0, float('inf'), i / 3][i % 4]
    for name in ('float16', 'float32', 'float64'):
        made[name] = pa.array(some(odd), getattr(pa, name)())
    for precision, scale in ((9, 2), (18, 4), (38, 9)):
        made[f'decimal{precision}'] = pa.array(
            some(lambda i: decimal.Decimal(f'{i - 200}.{i % 10**scale:0{scale}d}')),
            pa.decimal128(precision, scale),
        )
    made['decimal76'] = pa.array(
        some(lambda i: decimal.Decimal('1' * 69 + '.123456') + i), pa.decimal256(76, 6)
    )
    made['date32'] = pa.array(some(lambda i: datetime.date(2020, 1, 1) + datetime.timedelta(days=i)))
    made['date64'] = pa.array(some(lambda i: 86_400_000 * i), pa.date64())
    made |= {
        f'time_{unit}': pa.array(some(lambda i: 1001 * i), kind(unit))
        for unit, kind in (('s', pa.time32), ('ms', pa.time32), ('us', pa.time64), ('ns', pa.time64))
        if unit != 's'
    }
    made['time_s'] = pa.array(some(lambda i: i), pa.time32('s'))
    for unit, divisor in (('s', 10**9), ('ms', 10**6), ('us', 10**3), ('ns', 1)):
        for zone in (None, 'UTC', 'Europe/Paris'):
            made[f'timestamp_{unit}_{zone}'] = pa.array(
                some(lambda i: 1_700_000_000_123_456_789 // divisor + i), pa.timestamp(unit, zone)
            )
        made[f'duration_{unit}'] = pa.array(some(lambda i: i - 9), pa.duration(unit))
    made |= {
        'large_string': pa.array(some(lambda i: f'é{i}\0x'), pa.large_string()),
        'string_view': pa.array(some(lambda i: f'é{i}'), pa.string_view()),
    }
    made |= {
        'binary': pa.array(some(lambda i: bytes([255, i % 256])), pa.binary()),
        'large_binary': pa.array(some(lambda i: bytes([255, i % 256])), pa.large_binary()),
        'fixed': pa.array(some(lambda i: bytes([i % 256]) * 7), pa.binary(7)),
    }
    made['uuid'] = pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array(some(lambda i: uuid.UUID(int=i).bytes), pa.binary(16))
    )
    made['json'] = pa.ExtensionArray.from_storage(pa.json_(), pa.array(some(lambda i: json.dumps({'a': i}))))
    made |= {
        'dictionary': pa.array(some(lambda i: f'category {i % 4}')).dictionary_encode(),
        'null': pa.nulls(count),
    }
    made['not UTF-8'] = pa.Array.from_buffers(
        pa.string(),
        count,
        pa.array([b'\xff\xfe' if i == 5 else b'x%d' % (i % 9) for i in range(count)]).buffers(),
    )
    made |= {
        'list': pa.array(some(lambda i: [None if j == 1 else j for j in range(i % 4)]), pa.list_(pa.int32())),
        'large_list': pa.array(some(lambda i: ['s'] * (i % 3)), pa.large_list(pa.string())),
    }
    made['fixed_list'] = pa.array([[i * 0.1] * 4 for i in range(count)], pa.list_(pa.float32(), 4))
    made['map'] = pa.array(
        some(lambda i: [(f'k{j}', j) for j in range(i % 3)]), pa.map_(pa.string(), pa.int64())
    )
    made['struct'] = pa.array(
        some(
            lambda i: {
                'Url': f'u{i}',
                'url': None if i % 2 else 'v',
                'deep': {'x': [{'y': i, 'z': [i] * (i % 3)}] * (i % 2)} if i % 5 else None,
            }
        )
    )
    made['lists'] = pa.array(some(lambda i: [[j] * j for j in range(i % 4)]), pa.list_(pa.list_(pa.int16())))
    made['messages'] = pa.array(
        some(lambda i: [{'role': 'user', 'content': f'hi {i}'}, {'role': None, 'content': None}])
    )
    return made | {
        name: pa.array([name] * count)
        for name in ('Weird "name", é.x', '', 'file_row_number', 'a.b', 'Case', 'case', 'CASE')
    }


def make():
    made = columns()
    required = {name: values for name, values in made.items() if values.null_count == 0}
    schema = pa.schema(
        [pa.field(name, values.type, name not in required, {'note': name}) for name, values in made.items()],
        {'huggingface': '{"info": {}}', 'own': '1'},
    )
    table = pa.Table.from_arrays(list(made.values()), schema=schema)
    encodings = {}
    for name, values in made.items():
        kind = values.type
        if pa.types.is_boolean(kind):
            encodings[name] = 'RLE'
        elif pa.types.is_integer(kind) or pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
            encodings[name] = 'DELTA_BINARY_PACKED'
        elif kind == pa.string():
            encodings[name] = ('DELTA_BYTE_ARRAY', 'DELTA_LENGTH_BYTE_ARRAY')[len(name) % 2]
        elif pa.types.is_floating(kind) or kind == pa.decimal128(38, 9):
            encodings[name] = 'BYTE_STREAM_SPLIT'
        elif kind == pa.binary(7):
            encodings[name] = 'DELTA_BYTE_ARRAY'
    small = {'data_page_size': 64, 'write_batch_size': 8}
    kinds = {
        'plain': {'compression': 'none', 'use_dictionary': False},
        'default': {},
        'checksums': {'write_page_checksum': True},
        'one group': {'row_group_size': 10**6},
        'version 2': {'data_page_version': '2.0', 'compression': 'zstd'},
        'small pages': small,
        'small pages of version 2': small | {'data_page_version': '2.0'},
        'gzip': {'compression': 'gzip'},
        'brotli': {'compression': 'brotli'},
        'lz4': {'compression': 'lz4'},
        'deltas': {'use_dictionary': False, 'column_encoding': encodings},
        'int96': {'use_deprecated_int96_timestamps': True},
        'no Arrow schema': {'store_schema': False},
    }
    for kind, options in kinds.items():
        pq.write_table(table, os.path.join(folder, f'{kind}.parquet'), **({'row_group_size': 130} | options))


def values_of(column):
    kind = column.type
    if pa.types.is_temporal(kind) and not pa.types.is_date(kind):
        number = pa.int64() if kind.bit_width == 64 else pa.int32()
        column = pa.chunked_array([chunk.view(number) for chunk in column.chunks], number)
    if kind == pa.string():
        column = column.cast(pa.binary())
    return [repr(value) for value in column.to_pylist()]


def compare():
    differences = []
    for file, rows in json.load(open(os.path.join(folder, 'rows.json'))).items():
        before, after = [
            pq.ParquetFile(os.path.join(folder, *path, file), page_checksum_verification=True)
            for path in ([], ['copies'])
        ]
        if before.metadata.metadata != after.metadata.metadata:
            differences.append(f'{file}: metadata')
        # Its first line has an address in memory.
        if str(before.schema).split('\n')[1:] != str(after.schema).split('\n')[1:]:
            differences.append(f'{file}: Parquet schema')
        if not before.schema_arrow.equals(after.schema_arrow, check_metadata=True):
            differences.append(f'{file}: Arrow schema')
        before, after = before.read(), after.read()
        for i, name in enumerate(before.schema.names):
            old, new = values_of(before.column(i)), values_of(after.column(i))
            if [old[row] for row in rows] != new:
                differences.append(f'{file}: {name}')
    print(json.dumps(differences))


make() if sys.argv[1] == 'make' else compare()
