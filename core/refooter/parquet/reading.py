"""One declared struct read from bytes of anybody's: everything that is there, and everything that is odd about it."""

from __future__ import annotations

from dataclasses import dataclass

from refooter.parquet.findings import Finding, Findings, check
from refooter.parquet.structs import StructSpec
from refooter.parquet.thrift import Struct, ThriftError, decode
from refooter.parquet.tree import Node, root_node


@dataclass(frozen=True, slots=True)
class Reading:
    """A struct as far as it could be read.

    It stands in `[start, end)` of the bytes given; where reading stopped early, `end` is the first byte not read and
    `problem` says why. `findings` are in the order in which they were come upon, `findings_total` counts those beyond
    `MAX_FINDINGS` too.
    """

    root: Node
    start: int
    end: int
    problem: ThriftError | None
    findings: tuple[Finding, ...]
    findings_total: int

    @property
    def struct(self) -> Struct:
        """The Thrift values themselves."""
        assert isinstance(self.root.value, Struct)
        return self.root.value


def read(data: bytes, spec: StructSpec, start: int = 0, end: int | None = None) -> Reading:
    """Reads one struct of that declaration from `data[start:end]`. Never raises for what the bytes are."""
    decoded = decode(data, start, end=end)
    findings = Findings()
    check(decoded, spec, findings)
    root = root_node(decoded.root, spec)
    return Reading(root, start, decoded.end, decoded.problem, tuple(findings.kept), findings.total)
