"""One step of a gated recurrent unit (GRU), reset after the matrix product, as torch and CMU 11-785 have it.

    r  = sigmoid(Wrx x + brx + Wrh h + brh)                  reset
    z  = sigmoid(Wzx x + bzx + Wzh h + bzh)                  update
    n  = tanh(Wnx x + bnx + r q),   q = Wnh h + bnh          candidate
    h' = (1 - z) n + z h
    dn = dh' (1 - z) (1 - n^2)     dz = dh' (h - n) z (1 - z)     dr = dn q r (1 - r)       before the activations
    dh = dh' z + Wnh^T (dn r) + Wzh^T dz + Wrh^T dr          dx = Wnx^T dn + Wzx^T dz + Wrx^T dr
    dWnx = dn x^T     dWnh = (dn r) h^T     dbnx = dn     dbnh = dn r        dWrx = dr x^T, dWzx = dz x^T, and so on

Shapes: x (D,), h and h' (H,), W.x (H, D), W.h (H, H), b (H,); for a batch x is (N, D), h (N, H), and the gradients of
the parameters add up over it. With in_out=True the W.h are stored (in, out); with mirrored=True h' = z n + (1 - z) h.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.recurrent import sigmoid
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

Parts = dict[str, Array]
