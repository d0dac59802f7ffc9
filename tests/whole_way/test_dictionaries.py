"""Layers that hand dictionaries on, with the array under one key and the sizes of an image under others."""

from __future__ import annotations

from pathlib import Path

from from_file import checked

LAYERS = """
    import numpy as np


    class Box:
        value = None
        grad = None


    class Dense:
        def __init__(self, n_out):
            self.n_out = n_out
            self.params = {"weight": Box(), "bias": Box()}
            self.params["weight"].value = None
            self.params["bias"].value = None

        def init(self, n_in):
            self.params["weight"].value = np.random.randn(n_in, self.n_out)
            self.params["bias"].value = np.zeros(self.n_out)

        def forward(self, inputs):
            self.x = inputs["data"]
            assert inputs["height"] == 1
            out = self.x @ self.params["weight"].value + self.params["bias"].value
            return {"height": 1, "width": 1, "channels": self.n_out, "data": out}

        def backward(self, above):
            self.params["weight"].grad = self.x.T @ above["grad"]
            self.params["bias"].grad = above["grad"].sum(axis=0)
            return {"grad": above["grad"] @ self.params["weight"].value.T}


    class Square:
        def forward(self, inputs):
            out = {}
            for key in inputs:
                if key == "data":
                    self.x = inputs["data"]
                    out["data"] = self.x ** 2
                else:
                    out[key] = inputs[key]
            return out

        def backward(self, above):
            return {"grad": 2 * above["grad"]}
"""


def test_the_keys_are_those_that_the_methods_take_out_of_their_arguments(tmp_path: Path) -> None:
    report = checked(tmp_path, LAYERS)
    assert report.passes("Dense"), (report.refused, report.failed("Dense"))
    assert set(report.verdicts("Dense")) >= {"dinputs", "dweight", "dbias"}
    assert set(report.failed("Square")) == {"dinputs"}
    finding = report.result("Square", "dinputs").finding
    assert finding is not None
    assert "layer.backward({'grad': " in finding.reproduce


def test_a_wrong_gradient_in_a_box_is_seen(tmp_path: Path) -> None:
    report = checked(tmp_path, LAYERS.replace('above["grad"].sum(axis=0)', 'above["grad"].mean(axis=0)'))
    assert set(report.failed("Dense")) == {"dbias"}


def test_several_arrays_in_a_dictionary_are_not_told_apart(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Masked:
            def forward(self, batch):
                self.mask = batch["mask"]
                return {"x": batch["x"] * self.mask}

            def backward(self, above):
                return {"grad": above["grad"] * self.mask}
        """,
    )
    assert "Masked" in report.refused
    assert not report.failed("Masked")


def test_a_method_that_fills_what_is_none_is_called_first_where_the_forward_reads_that(tmp_path: Path) -> None:
    """What a forward sets by itself needs nobody else."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Scaled:
            def __init__(self):
                self.cache = {"x": None, "factor": None}

            def spoil(self):
                self.cache["x"] = self.cache["factor"] = np.nan

            def forward(self, x):
                self.cache["x"] = x
                self.cache["factor"] = 3.0
                return self.cache["factor"] * np.sin(self.cache["x"])

            def backward(self, dout):
                return 3.0 * dout * np.cos(self.cache["x"])
        """,
    )
    assert report.passes("Scaled")
    assert "spoil" not in report.result("Scaled", "dx").variant
