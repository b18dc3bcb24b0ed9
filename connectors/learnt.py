"""What was learnt from a user as bytes: one form, wherever it is kept."""

import sys
from array import array

import msgspec

from topologies.ports.personal_spam import Learnt


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    seq: int
    reports: int
    features: bytes  # hashes of four bytes
    weights: bytes  # of two bytes, in the same order; both little-endian


_decoder = msgspec.msgpack.Decoder(_Kept)
_encoder = msgspec.msgpack.Encoder()
_FEATURE = 4
_WEIGHT = 2


def encoded(learnt: Learnt) -> bytes:
    """Return *learnt* as bytes."""
    features = b"".join(each.to_bytes(_FEATURE, "little") for each in learnt.weights)
    weights = b"".join(
        each.to_bytes(_WEIGHT, "little", signed=True) for each in learnt.weights.values()
    )
    return _encoder.encode(_Kept(learnt.seq, learnt.reports, features, weights))


def decoded(content: bytes) -> Learnt:
    """Return what ``encoded`` made bytes of."""
    kept = _decoder.decode(content)
    features = _array("I", kept.features)
    return Learnt(
        seq=kept.seq,
        reports=kept.reports,
        weights=dict(zip(features, _array("h", kept.weights), strict=True)),
    )


def _array(kind: str, content: bytes) -> "array[int]":
    numbers: array[int] = array(kind, content)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
