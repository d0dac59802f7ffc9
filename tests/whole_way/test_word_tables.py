"""A table of words has a row for each, however its constructor calls the two sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
from from_file import checked

TABLE = """
import numpy as np


class {name}:
    def __init__(self, {sizes}):
        self.W = 0.1 * np.random.randn({sizes})

    def forward(self, idx):
        self.idx = {forward}
        return self.W[self.idx]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        {kept}
"""
ADDED = "np.add.at(self.dW, self.idx, dout)"


@pytest.mark.parametrize("sizes", ["num_embeddings, in_features", "vocab_size, n_inputs", "n_words, dim"])
def test_one_size_counts_the_words_and_the_other_is_that_of_a_row(tmp_path: Path, sizes: str) -> None:
    right = checked(tmp_path, TABLE.format(name="TokenEmbedding", sizes=sizes, forward="idx", kept=ADDED))
    assert right.passes("TokenEmbedding"), right.refused
    lost = "self.dW[self.idx] = dout"
    wrong = checked(tmp_path, TABLE.format(name="TokenEmbedding", sizes=sizes, forward="idx", kept=lost))
    assert set(wrong.failed("TokenEmbedding")) == {"dW"}


def test_one_hot_rows_have_an_entry_for_each_word(tmp_path: Path) -> None:
    """Rows of three numbers for a table of seven would show three of its rows, and no axis but the last."""
    rows = {"name": "TokenEmbedding", "sizes": "num_embeddings, n_inputs"}
    right = checked(tmp_path, TABLE.format(**rows, forward="idx.argmax(axis=-1)", kept=ADDED))
    assert right.passes("TokenEmbedding"), (right.failed("TokenEmbedding"), right.refused)
    other = "self.idx = idx\n        return self.W[idx.argmax(axis=-1)]"
    source = TABLE.format(**rows, forward="idx", kept="np.add.at(self.dW, self.idx.argmax(axis=1), dout)")
    wrong = checked(tmp_path, source.replace("self.idx = idx\n        return self.W[self.idx]", other))
    assert wrong.failed("TokenEmbedding")


def test_a_count_of_words_beside_real_numbers_is_no_table(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Scores:
            def __init__(self, n_inputs, n_words):
                self.W = np.random.randn(n_inputs, n_words)

            def forward(self, x):
                self.x = x
                return x @ self.W

            def backward(self, dout):
                self.dW = self.x.T @ dout
                return dout @ self.W.T
        """,
    )
    assert report.passes("Scores"), report.refused
