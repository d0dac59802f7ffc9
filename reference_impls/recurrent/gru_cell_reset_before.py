"""One step of a gated recurrent unit (GRU), reset before the matrix product (Cho et al. 2014).

    z  = sigmoid(x Wxz + h Whz + bz)                update gate
    r  = sigmoid(x Wxr + h Whr + br)                reset gate
    n  = tanh(x Wxn + (r h) Whn + bn)               candidate
    h' = (1 - z) h + z n
    dn = dh' z (1 - n^2)     dz = dh' (n - h) z (1 - z)     drh = dn Whn^T     dr = drh h r (1 - r)
    dx = dz Wxz^T + dr Wxr^T + dn Wxn^T             dh = dh' (1 - z) + drh r + dz Whz^T + dr Whr^T
    dWx. = x^T d.     dWhz = h^T dz     dWhr = h^T dr     dWhn = (r h)^T dn     db. = sum_n d.

where dn, dz, dr belong to the sums before the activations. Shapes: x (N, D), h, h' (N, H), Wx (D, 3H), Wh (H, 3H),
b (3H,). The option `gates` is the order of the blocks of columns: "zrn" in Deep Learning from Scratch 2, Keras, ONNX.
There z is the share of the candidate, in Keras and ONNX that of the old state: z_keeps=True, h' = z h + (1 - z) n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.recurrent import join, reordered, sigmoid, split
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def activated(
    x: Array, h: Array, Wx: Array, Wh: Array, b: Array, gates: str, z_keeps: bool
) -> tuple[Array, Array, Array, Array]:
    """z, r, n, and the share of the candidate."""
    ax, U = split(x @ Wx + b, gates), split(Wh, gates)
    z, r = sigmoid(ax["z"] + h @ U["z"]), sigmoid(ax["r"] + h @ U["r"])
    return z, r, np.tanh(ax["n"] + (r * h) @ U["n"]), 1 - z if z_keeps else z


def forward(x: Array, h: Array, Wx: Array, Wh: Array, b: Array, *, gates: str = "zrn", z_keeps: bool = False) -> Array:
    _, _, n, share = activated(x, h, Wx, Wh, b, gates, z_keeps)
    return np.asarray((1 - share) * h + share * n)


def backward(
    dy: Array, x: Array, h: Array, Wx: Array, Wh: Array, b: Array, *, gates: str = "zrn", z_keeps: bool = False,
    to_state: bool = True, to_reset: bool = True,
) -> Grads:  # fmt: skip
    z, r, n, share = activated(x, h, Wx, Wh, b, gates, z_keeps)
    U = split(Wh, gates)
    dn = dy * share * (1 - n**2)
    dz = dy * (n - h) * z * (1 - z) * (-1 if z_keeps else 1)
    drh = dn @ U["n"].T
    dr = drh * (h if to_reset else 1) * r * (1 - r)
    dh = dy * (1 - share) + drh * (r if to_state else 1) + dz @ U["z"].T + dr @ U["r"].T
    da = join({"z": dz, "r": dr, "n": dn}, gates)
    dWh = join({"z": h.T @ dz, "r": h.T @ dr, "n": (r * h).T @ dn}, gates)
    return {"x": da @ Wx.T, "h": dh, "Wx": x.T @ da, "Wh": dWh, "b": da.sum(axis=0)}


def torch_forward(x: Any, h: Any, Wx: Any, Wh: Any, b: Any, *, gates: str = "zrn", z_keeps: bool = False) -> Any:
    import torch

    xz, xr, xn = reordered(x @ Wx + b, gates, "zrn").chunk(3, -1)
    Uz, Ur, Un = reordered(Wh, gates, "zrn").chunk(3, -1)
    z, r = torch.sigmoid(xz + h @ Uz), torch.sigmoid(xr + h @ Ur)
    n = torch.tanh(xn + (r * h) @ Un)
    return torch.lerp(n, h, z) if z_keeps else torch.lerp(h, n, z)


def reset_after_the_product(dy: Array, x: Array, h: Array, Wx: Array, Wh: Array, b: Array, **options: Any) -> Grads:
    gates, z_keeps = options.get("gates", "zrn"), options.get("z_keeps", False)
    z, r, n, share = activated(x, h, Wx, Wh, b, gates, z_keeps)
    U = split(Wh, gates)
    dn = dy * share * (1 - n**2)
    dz = dy * (n - h) * z * (1 - z) * (-1 if z_keeps else 1)
    dr = dn * (h @ U["n"]) * r * (1 - r)
    da = join({"z": dz, "r": dr, "n": dn}, gates)
    dq = join({"z": dz, "r": dr, "n": dn * r}, gates)
    return {
        "x": da @ Wx.T, "h": dy * (1 - share) + dq @ Wh.T, "Wx": x.T @ da, "Wh": h.T @ dq, "b": da.sum(axis=0),
    }  # fmt: skip


def reset_gate_left_out(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, to_state=False, **options)


def state_left_out(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return backward(dy, *arrays, to_reset=False, **options)


def shares_swapped(dy: Array, *arrays: Array, gates: str = "zrn", z_keeps: bool = False) -> Grads:
    return backward(dy, *arrays, gates=gates, z_keeps=not z_keeps)


def state_not_reset_in_weights(
    dy: Array, x: Array, h: Array, Wx: Array, Wh: Array, b: Array, gates: str = "zrn", z_keeps: bool = False
) -> Grads:
    g = backward(dy, x, h, Wx, Wh, b, gates=gates, z_keeps=z_keeps)
    _, _, n, share = activated(x, h, Wx, Wh, b, gates, z_keeps)
    return g | {"Wh": join(split(g["Wh"], gates) | {"n": h.T @ (dy * share * (1 - n**2))}, gates)}


# fmt: off
SPEC = LayerSpec(
    name="gru_cell_reset_before", korean="GRU 셀 (reset_before)", family="recurrent",
    aliases=("GRUCellBefore", "ChoGRUCell"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, h: N 2; Wx: D 6, Wh: 2 6, b: 6 -> N 2",  # H = 2, 3H = 6
    variants=(
        Variant("", "gates in the order r, z, n", {"gates": "rzn"}),
        Variant("", "z is the share of the old state (Keras, ONNX)", {"z_keeps": True}),
        Variant("", "gates in the order r, z, n, z is the share of the old state", {"gates": "rzn", "z_keeps": True}),
    ),
    mistakes=(
        Mistake("reset-after-product", reset_after_the_product,
                says="`{grad}` of the GRU is that of r * (h Whh), as torch has it, and the forward has (r * h) Whh",
                help="The reset gate comes before the product here: dWhh = (r * h).T @ dt, dhr = dt @ Whh.T.",
                says_ko="순전파는 (r * h) Whh인데 GRU의 `{grad}`는 torch처럼 r * (h Whh)의 기울기이다",
                help_ko="리셋 게이트를 행렬곱 앞에 곱하므로 dWhh = (r * h).T @ dt, dhr = dt @ Whh.T이다."),
        Mistake("reset-left-out", reset_gate_left_out,
                says="`{grad}` of the GRU gets the gradient of r * h without the factor r",
                help="A product node hands on the other factor: dh_prev += dhr * r.",
                says_ko="GRU의 `{grad}`에 r * h의 기울기를 r을 곱하지 않고 더했다",
                help_ko="곱셈 노드는 상대 인수를 곱해 보낸다: dh_prev += dhr * r."),
        Mistake("state-left-out", state_left_out,
                says="`{grad}` of the GRU takes the gradient of r * h for that of r: the factor h is missing",
                help="A product node hands on the other factor: dr = dhr * h_prev.",
                says_ko="GRU의 `{grad}`가 r * h의 기울기를 r의 기울기로 쓴다: h를 곱하지 않았다",
                help_ko="곱셈 노드는 상대 인수를 곱해 보낸다: dr = dhr * h_prev."),
        Mistake("shares-swapped", shares_swapped,
                says="`{grad}` of the GRU has z and 1 - z in each other's place",
                help="Look at the forward: what it multiplies by z gets dh * z, and the other one dh * (1 - z).",
                says_ko="GRU의 `{grad}`에서 z와 1 - z가 뒤바뀌었다",
                help_ko="순전파에서 z를 곱한 쪽이 dh * z를, 다른 쪽이 dh * (1 - z)를 받는다."),
        Mistake("state-not-reset", state_not_reset_in_weights,
                says="`{grad}` of the GRU uses h where the candidate has seen r * h",
                help="The last product is (r * h) Whh, so its weights get (r * h).T @ dt.",
                says_ko="후보 상태에는 r * h가 들어가는데 GRU의 `{grad}`는 h를 쓴다",
                help_ko="마지막 곱이 (r * h) Whh이므로 그 가중치의 기울기는 (r * h).T @ dt이다."),
    ),
)
# fmt: on
