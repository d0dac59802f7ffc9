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


FREE = """
    import numpy as np


    class Slopes:
        @staticmethod
        def arctan(x):
            return np.arctan(x)

        @staticmethod
        def arctan_derivative(x):
            return 1 / (1 + x ** 2)

        @staticmethod
        def swell(x):
            return np.sinh(x)

        @staticmethod
        def swell_derivative(x):
            return np.sinh(x)


    class Net:
        def __init__(self, w):
            self.w = w

        def squash(self, x):
            return x / (1 + np.abs(x))

        def squash_prime(self, x):
            return 1 / (1 + np.abs(x)) ** 2

        def bump(self, x):
            return np.exp(-x ** 2)

        def bump_prime(self, x):
            return -x * np.exp(-x ** 2)

        def logistic(self, x):
            return 1 / (1 + np.exp(-x))

        def logistic_prime(self, y):
            return y * (1 - y)

        def step(self, x):
            a = self.logistic(x @ self.w)
            return a * self.logistic_prime(a)
"""


def test_functions_of_a_class_that_need_no_object_go_in_pairs(tmp_path: Path) -> None:
    report = checked(tmp_path, FREE)
    assert report.passes("Slopes.arctan")
    assert set(report.failed("Slopes.swell")) == {"dx"}
    assert report.passes("Net.squash")
    assert set(report.failed("Net.bump")) == {"dx"}
    assert report.passes("Net.logistic")
    assert not report.refused
    finding = report.result("Net.bump", "dx").finding
    assert finding is not None
    assert "Net.bump_prime(None, x)" in finding.reproduce


def test_what_calls_itself_with_the_input_is_no_function_of_its_output(tmp_path: Path) -> None:
    report = checked(tmp_path, FREE.replace("self.logistic_prime(a)", "self.logistic_prime(x @ self.w)"))
    assert not report.passes("Net.logistic")


def test_a_method_that_reads_its_object_is_no_free_function(tmp_path: Path) -> None:
    """What it computes depends on more than its argument: it is refused, and what else has a gradient is, too."""
    report = checked(
        tmp_path,
        """
        import numpy as np


        class Net:
            def __init__(self, k):
                self.k = k

            def cost(self, x):
                return self.k * x ** 2

            def cost_derivative(self, x):
                return 2 * self.k * x

            def cube(self, x):
                return x ** 3

            def cube_derivative(self, x):
                return 3 * x ** 2
        """,
    )
    assert report.passes("Net.cube")
    assert "cost_derivative" in report.refused["Net"]
    assert not report.failed("Net")


CHOICES = """
    import numpy as np


    def squash(x, kind):
        if kind == "arctan":
            return np.arctan(x)
        elif kind in ("soft", "softsign"):
            return x / (1 + np.abs(x))
        return x


    def squash_derivative(x, kind):
        if kind == "arctan":
            return 1 / (1 + x ** 2)
        elif kind in ("soft", "softsign"):
            return 1 / (1 + np.abs(x))
        return np.ones([x.shape])
"""


def test_a_text_that_an_argument_is_compared_with_is_what_it_gets(tmp_path: Path) -> None:
    """Each of them is judged; what would be done for no known text is no call of the author's."""
    report = checked(tmp_path, CHOICES)
    assert report.passes("squash[arctan]")
    assert set(report.failed("squash[soft]")) == set(report.failed("squash[softsign]")) == {"dx"}
    assert set(report.verdicts("squash")) == set()
    finding = report.result("squash[soft]", "dx").finding
    assert finding is not None
    assert "squash_derivative(x, kind='soft')" in finding.reproduce
