"""One step of a gated recurrent unit (GRU), reset after the matrix product, as torch and CMU 11-785 have it.

    r  = sigmoid(Wrx x + brx + Wrh h + brh)                 reset gate
    z  = sigmoid(Wzx x + bzx + Wzh h + bzh)                 update gate
    n  = tanh(Wnx x + bnx + r q)     q = Wnh h + bnh        candidate
    h' = (1 - z) n + z h
    dn = dh' (1 - z) (1 - n^2)       dz = dh' (h - n) z (1 - z)       dr = dn q r (1 - r)       dq = dn r
    dx = Wrx^T dr + Wzx^T dz + Wnx^T dn             dh = z dh' + Wrh^T dr + Wzh^T dz + Wnh^T dq
    dW.x = d. x^T, db.x = d. for r, z, n            dW.h = d. h^T, db.h = d. for r, z, q

where dn, dz, dr belong to the sums before the activations. Shapes: x (D,), h, h' (H,), W.x (H, D), W.h (H, H), b (H,).
A batch, x (N, D), adds up in the parameters. in_out=True: W.h is (in, out). mirrored=True: h' = z n + (1 - z) h.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impls.recurrent import sigmoid
from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant

H = {"r": "r", "z": "z", "n": "q"}  # the gradient that W.h and b.h see; W.x and b.x see r, z, n


def named(params: tuple[Array, ...], in_out: bool) -> Grads:
    """The parameters by name, with every W as (out, in)."""
    p = dict(zip((f"{a}{k}{side}" for a in "Wb" for side in "xh" for k in "rzn"), params, strict=True))
    return p | {n: p[n].T for n in ("Wrh", "Wzh", "Wnh") if in_out}


def activated(x: Array, h: Array, p: Grads, mirrored: bool) -> Grads:
    r = sigmoid(x @ p["Wrx"].T + p["brx"] + h @ p["Wrh"].T + p["brh"])
    z = sigmoid(x @ p["Wzx"].T + p["bzx"] + h @ p["Wzh"].T + p["bzh"])
    q = h @ p["Wnh"].T + p["bnh"]
    n = np.tanh(x @ p["Wnx"].T + p["bnx"] + r * q)
    return {"r": r, "z": z, "q": q, "n": n, "keep": 1 - z if mirrored else z}


def forward(x: Array, h: Array, *params: Array, in_out: bool = False, mirrored: bool = False) -> Array:
    y = activated(x, h, named(params, in_out), mirrored)
    return np.asarray((1 - y["keep"]) * y["n"] + y["keep"] * h)


def backward(dy: Array, x: Array, h: Array, *params: Array, in_out: bool = False, mirrored: bool = False) -> Grads:
    p, y, d = parts(dy, x, h, params, in_out, mirrored)
    return through(d, dy * y["keep"], x, h, p, in_out)


def parts(dy: Array, x: Array, h: Array, params: Any, in_out: bool = False, mirrored: bool = False) -> list[Grads]:
    """The parameters, what the forward computed, and the gradients of the sums before the activations."""
    p = named(params, in_out)
    y = activated(x, h, p, mirrored)
    dn = dy * (1 - y["keep"]) * (1 - y["n"] ** 2)
    dz = dy * (h - y["n"]) * y["z"] * (1 - y["z"]) * (-1 if mirrored else 1)
    return [p, y, {"r": dn * y["q"] * y["r"] * (1 - y["r"]), "z": dz, "n": dn, "q": dn * y["r"]}]


def through(d: Grads, kept: Array, x: Array, h: Array, p: Grads, in_out: bool) -> Grads:
    """The gradients of all arrays; `kept` is the share of dh that goes past the gates."""
    g = {"x": d["r"] @ p["Wrx"] + d["z"] @ p["Wzx"] + d["n"] @ p["Wnx"]}
    g["h"] = kept + d["r"] @ p["Wrh"] + d["z"] @ p["Wzh"] + d["q"] @ p["Wnh"]
    for k in "rzn":
        g |= {f"W{k}x": d[k].T @ x, f"W{k}h": h.T @ d[H[k]] if in_out else d[H[k]].T @ h}
        g |= {f"b{k}x": d[k].sum(axis=0), f"b{k}h": d[H[k]].sum(axis=0)}
    return g


def torch_forward(x: Any, h: Any, *params: Any, in_out: bool = False, mirrored: bool = False) -> Any:
    import torch

    p: Any = named(params, in_out)
    p |= {n: -p[n] for n in ("Wzx", "Wzh", "bzx", "bzh") if mirrored}  # sigmoid(-a) = 1 - sigmoid(a)
    return torch.gru_cell(x, h, *(torch.cat([p[a + k + s] for k in "rzn"]) for a in "Wb" for s in "xh"))


def reset_before_the_product(dy: Array, x: Array, h: Array, *params: Array, **options: bool) -> Grads:
    p, y, d = parts(dy, x, h, params, **options)
    r, back = y["r"], d["n"] @ p["Wnh"]  # back: to r * h
    d |= {"r": back * h * r * (1 - r), "q": d["n"]}
    g = through(d, dy * y["keep"] + (r - 1) * back, x, h, p, options.get("in_out", False))
    return g | {"Wnh": (r * h).T @ d["n"] if options.get("in_out") else d["n"].T @ (r * h)}


def shares_swapped(dy: Array, *arrays: Array, mirrored: bool = False, **options: Any) -> Grads:
    return backward(dy, *arrays, mirrored=not mirrored, **options)


def state_gradient_without(term: str) -> Any:
    def state_gradient_lacks_a_term(dy: Array, x: Array, h: Array, *params: Array, **options: bool) -> Grads:
        p, y, d = parts(dy, x, h, params, **options)
        g = backward(dy, x, h, *params, **options)
        return g | {"h": g["h"] - (d[H[term]] @ p[f"W{term}h"] if term in H else dy * y["keep"])}

    return state_gradient_lacks_a_term


def reset_left_out_of_bias(dy: Array, *arrays: Array, **options: Any) -> Grads:
    return (g := backward(dy, *arrays, **options)) | {"bnh": g["bnx"].copy()}


def state_weights_as_inner_product(dy: Array, x: Array, h: Array, *params: Array, **options: Any) -> Grads:
    g = backward(dy, x, h, *params, **options)  # np.dot(dr, h) of two vectors is one number
    return g | {f"W{k}h": np.asarray(np.vdot(np.resize(g[f"b{k}h"], h.shape), h)) for k in "rzn"}


TERMS = {"direct": "dh_next * z", "r": "dr through Wrh", "z": "dz through Wzh", "n": "dn * r through Wnh"}

# fmt: off
SPEC = LayerSpec(
    name="gru_cell", korean="GRU 셀 (reset_after)", family="recurrent", aliases=("gru_step",),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="x: N D, h: N H; Wrx: H D, Wzx: H D, Wnx: H D, Wrh: H H, Wzh: H H, Wnh: H H,"
           "brx: H, bzx: H, bnx: H, brh: H, bzh: H, bnh: H -> N H",
    variants=(
        Variant("x: D, h: H -> H", "one sample"),
        Variant("Wrx: D H, Wzx: D H, Wnx: D H", "weights stored (in, out)", {"in_out": True}),
        Variant("", "z is the share of the candidate", {"mirrored": True}),
    ),
    mistakes=(
        Mistake("reset-before-product", reset_before_the_product,
                says="`{grad}` of the GRU is that of Wnh (r * h), and the forward has r * (Wnh h + bnh)",
                help="The reset gate comes after the product here: Wnh and bnh see dn * r, and the plain h.",
                says_ko="순전파는 r * (Wnh h + bnh)인데 GRU의 `{grad}`는 Wnh (r * h)의 기울기이다",
                help_ko="리셋 게이트를 행렬곱 뒤에 곱하므로 Wnh와 bnh는 dn * r과 원래의 h를 받는다."),
        Mistake("shares-swapped", shares_swapped,
                says="`{grad}` of the GRU has z and 1 - z in each other's place",
                help="h' = (1 - z) * n + z * h: n gets dh * (1 - z), h gets dh * z, and z gets dh * (h - n).",
                says_ko="GRU의 `{grad}`에서 z와 1 - z가 뒤바뀌었다",
                help_ko="h' = (1 - z) * n + z * h이므로 n은 dh * (1 - z), h는 dh * z, z는 dh * (h - n)을 받는다."),
        *(Mistake("path-dropped", state_gradient_without(term),
                  says=f"`{{grad}}` of the GRU lacks one of its four terms: {path}",
                  help="The state goes straight to h', and into r, z and n: add up all four.",
                  says_ko=f"GRU의 `{{grad}}`에 네 항 가운데 하나가 빠져 있다: {path}",
                  help_ko="상태는 h'으로 바로 가고 r, z, n에도 들어가므로 네 항을 모두 더한다.")
          for term, path in TERMS.items()),
        Mistake("reset-left-out", reset_left_out_of_bias,
                says="`{grad}` of the GRU is not multiplied by the reset gate",
                help="bnh stands inside r * (Wnh h + bnh), so its gradient is dn * r and not dn.",
                says_ko="GRU의 `{grad}`에 리셋 게이트를 곱하지 않았다",
                help_ko="bnh는 r * (Wnh h + bnh) 안에 있으므로 기울기는 dn이 아니라 dn * r이다."),
        Mistake("inner-product", state_weights_as_inner_product, variant="one sample",
                says="`{grad}` of the GRU is an inner product, one number for a whole matrix",
                help="Of two vectors np.dot makes a number; the weight gradient is np.outer(dr, h).",
                says_ko="GRU의 `{grad}`가 내적이라 행렬 전체에 숫자 하나이다",
                help_ko="1차원 배열 둘의 np.dot은 숫자 하나이므로 가중치 기울기는 np.outer(dr, h)로 구한다."),
    ),
)
# fmt: on
