"""A function and its derivative as two methods, under the verbs that people use for a forward."""

from __future__ import annotations

from pathlib import Path

from from_file import checked


def test_a_function_and_its_first_derivative(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Activation:
            @staticmethod
            def function(values):
                pass

            @staticmethod
            def first_derivative(values):
                pass


        class Arctan(Activation):
            @staticmethod
            def function(values):
                return np.arctan(values)

            @staticmethod
            def first_derivative(values):
                return 1 / (1 + values ** 2)


        class Logistic(Activation):
            @staticmethod
            def function(values):
                return 1 / (1 + np.exp(-values))

            @staticmethod
            def first_derivative(values):
                s = 1 / (1 + np.exp(-values))
                return np.square(1 - s)


        class Cubic:
            def evaluate(self, x):
                return x ** 3

            def derivative(self, x):
                return 3 * x ** 2


        class Quartic:
            def calculate(self, x):
                return x ** 4

            def derivative(self, x):
                return 3 * x ** 3
        """,
    )
    assert report.passes("Arctan")
    assert set(report.failed("Logistic")) == {"dvalues"}
    assert report.passes("Cubic")
    assert set(report.failed("Quartic")) == {"dx"}
    assert "Activation" not in report.refused


def test_what_is_evaluated_beside_a_gradient_may_be_how_often_a_model_is_right(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Classifier:
            def __init__(self):
                self.w = np.array([1.0, -2.0, 0.5])

            def evaluate(self, x, y):
                return np.mean((x @ self.w > 0) == y)

            def gradient(self, x, y):
                p = 1 / (1 + np.exp(-(x @ self.w)))
                return x.T @ (p - y) / len(y)
        """,
    )
    assert not report.failed("Classifier")
    assert "Classifier" in report.refused
