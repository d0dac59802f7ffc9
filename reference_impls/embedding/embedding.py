"""Embedding: the rows of W that belong to a table of word numbers.

    y[n, t] = W[idx[n, t]]
    dW[k]   = sum of dy[n, t] over all n, t with idx[n, t] = k

Shapes: idx (N, T) integers below K, W (K, D), y (N, T, D). A word that occurs several times gets the sum, one that does
not occur 0; idx has no gradient. The word number `padding_idx` stands for no word: its output is 0, and so is dW there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.spec import Array, Grads, LayerSpec, Mistake, Variant


def forward(idx: Array, W: Array, padding_idx: int | None = None) -> Array:
    y = W[idx]
    y[idx == padding_idx] = 0
    return y


def backward(dy: Array, idx: Array, W: Array, padding_idx: int | None = None) -> Grads:
    dW = np.zeros_like(W)
    np.add.at(dW, idx, dy)
    if padding_idx is not None:
        dW[padding_idx] = 0
    return {"W": dW}


def torch_forward(idx: Any, W: Any, padding_idx: int | None = None) -> Any:
    import torch

    y = torch.nn.functional.embedding(idx, W)
    return y if padding_idx is None else y * (idx != padding_idx)[..., None]


def repeats_overwritten(dy: Array, idx: Array, W: Array, **options: Any) -> Grads:
    dW = np.zeros_like(W)
    dW[idx] = dy
    return {"W": dW}


def repeats_added_once(dy: Array, idx: Array, W: Array, **options: Any) -> Grads:
    dW = np.zeros_like(W)
    dW[idx] += dy  # reads every dW[idx] before it writes the first
    return {"W": dW}


def never_zeroed() -> Callable[..., Grads]:
    kept: dict[tuple[int, ...], Array] = {}

    def wrong(dy: Array, idx: Array, W: Array, **options: Any) -> Grads:
        dW = kept.setdefault(W.shape, np.zeros_like(W))  # dW[...] = 0 is missing
        np.add.at(dW, idx, dy)
        return {"W": dW.copy()}

    return wrong


def upstream_for_table(dy: Array, idx: Array, W: Array, **options: Any) -> Grads:
    return {"W": dy.copy()}


def one_hot_transposed(dy: Array, idx: Array, W: Array, **options: Any) -> Grads:
    one_hot = np.eye(len(W))[idx.ravel()]
    return {"W": dy.reshape(-1, W.shape[1]).T @ one_hot}


def averaged_over_uses(dy: Array, idx: Array, W: Array, **options: Any) -> Grads:
    count = np.bincount(idx.ravel(), minlength=len(W)).clip(1)
    return {"W": backward(dy, idx, W)["W"] / count[:, None]}


def padding_row_trained(dy: Array, idx: Array, W: Array, padding_idx: int | None = None) -> Grads:
    return backward(dy, idx, W)


def padding_row_frozen(dy: Array, idx: Array, W: Array, **options: Any) -> Grads:
    return backward(dy, idx, W, padding_idx=0)


# fmt: off
SPEC = LayerSpec(
    name="embedding", korean="Embedding 계층", family="embedding",
    aliases=("EmbedID", "word_embedding", "WordEmbedding", "TimeEmbedding", "TokenEmbedding", "EmbeddingLookup",
             "임베딩"),
    forward=forward, backward=backward, torch_forward=torch_forward,
    shapes="idx: N T @label(K); W: K D -> N T D",
    variants=(
        Variant("idx: T @label(K) -> T D", "one number a sample"),
        Variant("idx: N T K @onehot", "one-hot rows"),
        Variant(note="word 0 is padding", options={"padding_idx": 0}),
        Variant("idx: T @label(K) -> T D", "one number a sample, word 0 is padding", {"padding_idx": 0}),
    ),
    mistakes=(
        *(Mistake("repeats-lost", wrong,
                  says="`{grad}` of the embedding keeps only the last gradient of a word that occurs several times",
                  help="dW[idx] += dy writes each row once, like dW[idx] = dy; use np.add.at(dW, idx, dy).",
                  says_ko="여러 번 나온 단어의 `{grad}` 행에 마지막 기울기만 남는다",
                  help_ko="dW[idx] += dy도 dW[idx] = dy처럼 행마다 한 번만 쓰므로 np.add.at(dW, idx, dy)를 쓴다.")
          for wrong in (repeats_overwritten, repeats_added_once)),
        Mistake("accumulates", never_zeroed, stateful=True,
                says="`{grad}` of the embedding is added to that of the call before: it is never set to zero",
                help="The array is kept between calls: begin every backward with dW[...] = 0.",
                says_ko="Embedding의 `{grad}`를 0으로 되돌리지 않아 앞선 호출의 값에 더해진다",
                help_ko="배열이 호출 사이에 남으므로 역전파를 시작할 때마다 dW[...] = 0으로 둔다."),
        Mistake("upstream-unchanged", upstream_for_table,
                says="`{grad}` of the embedding is the upstream gradient, one row a position and not one a word",
                help="Start with np.zeros_like(W) and add each dy to the row of its word; idx has no gradient.",
                says_ko="Embedding의 `{grad}`가 상류 기울기 그대로여서 행이 단어가 아니라 위치마다 있다",
                help_ko="np.zeros_like(W)에서 시작해 dy를 그 단어의 행에 더한다. idx에는 기울기가 없다."),
        Mistake("transposed", one_hot_transposed,
                says="`{grad}` of the embedding is (D, K): dy.T @ one_hot where it should be one_hot.T @ dy",
                help="Sum over the positions so that the words are left as rows: one_hot.T @ dy.",
                says_ko="Embedding의 `{grad}`가 (D, K)이다: one_hot.T @ dy를 dy.T @ one_hot으로 썼다",
                help_ko="위치에 대해 더하고 단어가 행으로 남게 한다: one_hot.T @ dy."),
        Mistake("mean-for-sum", averaged_over_uses,
                says="`{grad}` of the embedding is the mean over the places where a word occurs and not the sum",
                help="Every occurrence adds its gradient; dividing by the count is scale_grad_by_freq of torch.",
                says_ko="Embedding의 `{grad}`가 단어가 나온 곳들의 합이 아니라 평균이다",
                help_ko="나온 곳마다 기울기를 더한다. 횟수로 나누는 것은 torch의 scale_grad_by_freq이다."),
        Mistake("padding-row-trained", padding_row_trained, variant="word 0 is padding",
                says="`{grad}` of the embedding is not zero in the row of the padding, whose output is always 0",
                help="The padding does not depend on W: set dW[padding_idx] = 0.",
                says_ko="출력이 늘 0인 패딩의 행에서 Embedding의 `{grad}`가 0이 아니다",
                help_ko="패딩은 W에 따라 변하지 않으므로 dW[padding_idx] = 0으로 둔다."),
        Mistake("padding-row-frozen", padding_row_frozen, convention=True,
                says="row 0 of `{grad}` is zero although the forward reads row 0 of W",
                help="Right where word 0 is padding and its row stays zero, as with padding_idx=0 of torch.",
                says_ko="순전파가 W의 0번 행을 읽는데 `{grad}`의 0번 행은 0이다",
                help_ko="torch의 padding_idx=0처럼 0번 단어가 패딩이고 그 행이 늘 0이라면 맞다."),
    ),
)
# fmt: on
