"""Machine code of a few instructions, and what passes for the vector code of a CPU optimizer."""

from __future__ import annotations

ZMM = bytes.fromhex("62f17c4858c1")  # vaddps zmm0, zmm0, zmm1
FMA = bytes.fromhex("c4e275b8c2")  # vfmadd231ps ymm0, ymm1, ymm2
VECTOR_CODE = FMA * 16
ZMM_FMA = bytes.fromhex("62f27548b8c2") * 16  # vfmadd231ps zmm0, zmm1, zmm2
