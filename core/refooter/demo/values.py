"""What a catalog may hold in place of a file's footer: each kind built from the file as its writer or mishap builds it.

Field numbers are those of parquet.thrift: FileMetaData 2 schema, 3 num_rows, 4 row_groups, 5 key_value_metadata;
RowGroup 1 columns, 3 num_rows; ColumnChunk 3 meta_data, 4 and 5 offset index (offset, length), 6 and 7 column index;
ColumnMetaData 7 total_compressed_size, 11 dictionary_page_offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from refooter.demo.files import ParquetFile
from refooter.parquet.edit import Edit, integer_edit, remove_field, set_integer, splice
from refooter.parquet.thrift import Field, List, Struct, Wire, decode, encode, encode_varint
from refooter.values import Cause, Layout

MAGIC: Final = b"PAR1"
ENCRYPTED_MAGIC: Final = b"PARE"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way that a value came about, and what is to be found out about it.

    `cause` holds where the catalog's `num_rows` and `file_size` are the file's, and its format version is 2. `accepted`
    is the target parser's verdict. `multi_group` kinds need a file of several row groups, `small_file` ones a small
    file.
    """

    name: str
    build: Callable[[ParquetFile], bytes]
    cause: Cause
    layout: Layout
    accepted: bool
    multi_group: bool = False
    small_file: bool = False


def footer(data: bytes) -> bytes:
    """A file's FileMetaData (or what stands in its place in an encrypted file), without length word and magic."""
    length = int.from_bytes(data[-8:-4], "little")
    return data[-8 - length : -8]


def frame(content: bytes, magic: bytes = MAGIC, length: int | None = None) -> bytes:
    """Content, length word, magic: how ParquetMetaDataWriter ends what it writes."""
    return content + (len(content) if length is None else length).to_bytes(4, "little") + magic


def raw(file: ParquetFile) -> bytes:
    """FileMetaData alone, as the later writer stores it."""
    return footer(file.data)


def framed(file: ParquetFile) -> bytes:
    """What the Arrow 56 writer stores."""
    return frame(footer(file.data))


def framed_twice(file: ParquetFile) -> bytes:
    return frame(framed(file))


def trailing_bytes(file: ParquetFile) -> bytes:
    return framed(file) + bytes(7)


def prefixed(file: ParquetFile) -> bytes:
    """What the Arrow 57 writer stores when used as before: column indexes, offset indexes, footer, length, magic.

    The footer's pointers at the two kinds of index are relative to the value's own start.
    """
    indexes, content = _index_and_footer(file.data)
    return indexes + frame(content)


def prefixed_framed_twice(file: ParquetFile) -> bytes:
    return frame(prefixed(file))


def prefixed_trailing_bytes(file: ParquetFile) -> bytes:
    return prefixed(file) + b"\r\n"


def cut_out(file: ParquetFile) -> bytes:
    """The footer of a prefixed value with nothing else done: its pointers lead into a prefix that is gone."""
    return _index_and_footer(file.data)[1]


def file_tail(file: ParquetFile) -> bytes:
    """A suffix read of the file from its page index on: the pointers are the file's, and true."""
    content = footer(file.data)
    start = min(pointer for chunk in _chunks(content) for pointer in _pointers(chunk))
    return file.data[start:]


def whole_file(file: ParquetFile) -> bytes:
    return file.data


def missing_num_rows(file: ParquetFile) -> bytes:
    content = footer(file.data)
    return remove_field(content, _root(content), 3)


def missing_num_rows_framed(file: ParquetFile) -> bytes:
    return frame(missing_num_rows(file))


def zero_num_rows(file: ParquetFile) -> bytes:
    content = footer(file.data)
    return frame(set_integer(content, _field(_root(content), 3), 0))


def lost_row_group(file: ParquetFile) -> bytes:
    """The last row group is gone; the footer's own row count still includes it."""
    content = footer(file.data)
    return frame(splice(content, _without_last_group(_root(content))))


def lost_row_group_and_count(file: ParquetFile) -> bytes:
    """The last row group is gone, and the footer's own row count agrees with what is left: only the catalog knows."""
    content = footer(file.data)
    root = _root(content)
    groups = _list(root, 4)
    lost = groups.values[-1]
    total = root.value(3)
    assert isinstance(lost, Struct)
    assert isinstance(total, int)
    rows = lost.value(3)
    assert isinstance(rows, int)
    return frame(splice(content, [*_without_last_group(root), integer_edit(_field(root, 3), total - rows)]))


def chunk_past_end(file: ParquetFile) -> bytes:
    """A column chunk that ends behind the file's end."""
    content = footer(file.data)
    size = _field(_meta_data(_chunks(content)[-1]), 7)
    return frame(set_integer(content, size, len(file.data)))


def chunk_negative(file: ParquetFile) -> bytes:
    content = footer(file.data)
    size = _field(_meta_data(_chunks(content)[0]), 7)
    assert isinstance(size.value, int)
    return frame(set_integer(content, size, -size.value))


def dictionary_offset_zero(file: ParquetFile) -> bytes:
    """`dictionary_page_offset` is 0 where the file's own footer has a true one."""
    content = footer(file.data)
    for chunk in _chunks(content):
        offset = _meta_data(chunk).get(11)
        if offset is not None:
            return frame(set_integer(content, offset, 0))
    raise ValueError(f"no column of {file.view_set} has a dictionary")


def truncated(file: ParquetFile) -> bytes:
    content = footer(file.data)
    return content[: len(content) * 2 // 3]


def empty(file: ParquetFile) -> bytes:
    return b""


def zero_byte(file: ParquetFile) -> bytes:
    return b"\0"


def damaged_arrow_schema(file: ParquetFile) -> bytes:
    """The footer is sound, but a letter of the Arrow schema embedded in it is none of base64's any more."""
    content = footer(file.data)
    for pair in _list(_root(content), 5).values:
        assert isinstance(pair, Struct)
        if pair.value(1) == b"ARROW:schema":
            value = _field(pair, 2)
            middle = value.end - len(_bytes(value)) // 2
            return frame(splice(content, [(middle, middle + 1, b"!")]))
    raise ValueError("the file has no embedded Arrow schema")


def encrypted(file: ParquetFile) -> bytes:
    """The tail of the encrypted twin of the file: see `encrypted_twin`."""
    return frame(_encrypted_footer(file), ENCRYPTED_MAGIC)


def encrypted_twin(file: ParquetFile) -> ParquetFile:
    """The file as it would be with an encrypted footer: the magic at both ends, and nothing readable in the footer."""
    content = footer(file.data)
    body = ENCRYPTED_MAGIC + file.data[4 : -8 - len(content)]
    return ParquetFile(file.view_set, body + encrypted(file), file.num_rows, file.row_groups)


def bit_rot(file: ParquetFile) -> bytes:
    """Two bits of the schema's field header are flipped: a type that the protocol does not have."""
    content = footer(file.data)
    schema = _field(_root(content), 2)
    return frame(splice(content, [(schema.start, schema.start + 1, bytes((content[schema.start] ^ 0x06,)))]))


_KINDS: Final = (
    Kind("raw", raw, Cause.NONE, Layout.RAW, True),
    Kind("framed", framed, Cause.NONE, Layout.FRAMED, True),
    Kind("framed_twice", framed_twice, Cause.NONE, Layout.TRAILING_BYTES, True),
    Kind("trailing_bytes", trailing_bytes, Cause.NONE, Layout.TRAILING_BYTES, True),
    Kind("prefixed", prefixed, Cause.PAGE_INDEX_PREFIX, Layout.PREFIXED, False),
    Kind("prefixed_framed_twice", prefixed_framed_twice, Cause.PAGE_INDEX_PREFIX, Layout.PREFIXED, False),
    Kind("prefixed_trailing_bytes", prefixed_trailing_bytes, Cause.PAGE_INDEX_PREFIX, Layout.PREFIXED, False),
    Kind("file_tail", file_tail, Cause.PAGE_INDEX_PREFIX, Layout.FILE_TAIL, False),
    Kind("cut_out", cut_out, Cause.DANGLING_PAGE_INDEX, Layout.CUT_OUT, True),
    Kind("whole_file", whole_file, Cause.WHOLE_FILE, Layout.FILE, False, small_file=True),
    Kind("missing_num_rows", missing_num_rows, Cause.MISSING_NUM_ROWS, Layout.RAW, False),
    Kind("missing_num_rows_framed", missing_num_rows_framed, Cause.MISSING_NUM_ROWS, Layout.FRAMED, False),
    Kind("zero_num_rows", zero_num_rows, Cause.ZERO_NUM_ROWS, Layout.FRAMED, True),
    Kind("lost_row_group", lost_row_group, Cause.ROW_COUNT_MISMATCH, Layout.FRAMED, True, multi_group=True),
    Kind(
        "lost_row_group_and_count",
        lost_row_group_and_count,
        Cause.ROW_COUNT_MISMATCH,
        Layout.FRAMED,
        True,
        multi_group=True,
    ),
    Kind("chunk_past_end", chunk_past_end, Cause.CHUNK_OUT_OF_BOUNDS, Layout.FRAMED, True),
    Kind("chunk_negative", chunk_negative, Cause.CHUNK_OUT_OF_BOUNDS, Layout.FRAMED, True),
    Kind("dictionary_offset_zero", dictionary_offset_zero, Cause.CHUNK_OUT_OF_BOUNDS, Layout.FRAMED, True),
    Kind("damaged_arrow_schema", damaged_arrow_schema, Cause.ARROW_SCHEMA, Layout.FRAMED, False),
    Kind("truncated", truncated, Cause.TRUNCATED, Layout.UNKNOWN, False),
    Kind("empty", empty, Cause.EMPTY, Layout.UNKNOWN, False),
    Kind("zero_byte", zero_byte, Cause.EMPTY, Layout.UNKNOWN, False),
    Kind("encrypted", encrypted, Cause.ENCRYPTED, Layout.UNKNOWN, False),
    Kind("bit_rot", bit_rot, Cause.MALFORMED, Layout.UNKNOWN, False),
)
KINDS: Final = {kind.name: kind for kind in _KINDS}


def _root(content: bytes) -> Struct:
    decoded = decode(content)
    if decoded.problem is not None:
        raise ValueError(f"not a footer: {decoded.problem}")
    return decoded.root


def _field(struct: Struct, id: int) -> Field:
    found = struct.get(id)
    if found is None:
        raise ValueError(f"the footer lacks a field {id}")
    return found


def _list(struct: Struct, id: int) -> List:
    value = _field(struct, id).value
    assert isinstance(value, List)
    return value


def _bytes(field: Field) -> bytes:
    assert isinstance(field.value, bytes)
    return field.value


def _meta_data(chunk: Struct) -> Struct:
    value = _field(chunk, 3).value
    assert isinstance(value, Struct)
    return value


def _chunks(content: bytes) -> list[Struct]:
    """All column chunks, row group by row group."""
    chunks: list[Struct] = []
    for group in _list(_root(content), 4).values:
        assert isinstance(group, Struct)
        chunks += (chunk for chunk in _list(group, 1).values if isinstance(chunk, Struct))
    return chunks


def _pointers(chunk: Struct) -> Iterator[int]:
    for id in (4, 6):
        value = chunk.value(id)
        if isinstance(value, int):
            yield value


@lru_cache(maxsize=256)
def _index_and_footer(data: bytes) -> tuple[bytes, bytes]:
    """The page index as ParquetMetaDataWriter lays it out, and the footer with pointers into it."""
    content = footer(data)
    chunks = _chunks(content)
    indexes = bytearray()
    edits: list[Edit] = []
    for offset_id, length_id in ((6, 7), (4, 5)):
        for chunk in chunks:
            offset, length = chunk.get(offset_id), chunk.value(length_id)
            if offset is None:
                continue
            assert isinstance(offset.value, int)
            assert isinstance(length, int)
            edits.append(integer_edit(offset, len(indexes)))
            indexes += data[offset.value : offset.value + length]
    return bytes(indexes), splice(content, edits)


def _without_last_group(root: Struct) -> list[Edit]:
    groups = _list(root, 4)
    left = len(groups.values) - 1
    if left < 1:
        raise ValueError("a file of one row group has none to lose")
    header = bytes((min(left, 15) << 4 | Wire.STRUCT,)) + (encode_varint(left) if left >= 15 else b"")
    start, end = groups.span(left)
    return [(groups.start, groups.starts[0], header), (start, end, b"")]


def _encrypted_footer(file: ParquetFile) -> bytes:
    """FileCryptoMetaData (1 encryption_algorithm: AES_GCM_V1, 2 key_metadata) and an encrypted module.

    The module is length, nonce, ciphertext and tag (Encryption.md of parquet-format); without a key nobody can tell
    real ciphertext from these bytes.
    """
    content = footer(file.data)
    unique = _binary_field(2, content[-8:])
    aes = Struct(fields=[Field(1, Wire.STRUCT, 0, 0, 0, Struct(fields=[unique]))])
    crypto = Struct(fields=[Field(1, Wire.STRUCT, 0, 0, 0, aes), _binary_field(2, b"footer-key")])
    cipher = bytes((byte * 151 + at * 67 + 29) & 0xFF for at, byte in enumerate(content))
    module = cipher[:12] + cipher + cipher[-16:]
    return encode(crypto) + len(module).to_bytes(4, "little") + module


def _binary_field(id: int, value: bytes) -> Field:
    return Field(id, Wire.BINARY, 0, 0, 0, value)
