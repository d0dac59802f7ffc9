"""The catalogue of codes: for each, the sentence of the report and the help that follows it.

`{grad}` is the gradient's own name (`db`), `{array}` the array's (`b`), `{target}` the layer's, `{n}` a number.
A reference may say it better for its own layer; then its sentence is used.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """One cause of a wrong gradient, or one clause of the contract."""

    says: str
    help: str


CODES: dict[str, Code] = {
    # causes of a wrong number
    "missing-batch-sum": Code(
        "`{grad}` is not summed over the batch",
        "`{array}` is shared by every sample, so its gradient adds up over the batch axis",
    ),
    "missing-batch-mean": Code(
        "`{grad}` is N times too large: the forward takes the mean over the batch, the backward does not divide by N",
        "divide by the number of samples once, as the forward does",
    ),
    "extra-batch-mean": Code(
        "`{grad}` is divided by the batch size once too often",
        "divide by N only where the forward does, usually in the loss",
    ),
    "batch-average": Code(
        "every parameter's gradient, `{grad}` too, is divided by N, and those of the inputs are not",
        "right where the loss takes a sum and the layer the mean, as some courses do; check the whole network",
    ),
    "batch-average-mixed": Code(
        "`{grad}` is averaged over the batch and {n} is not: the gradients of one layer go together",
        "divide all of them by N where the loss does not, and none of them where it does",
    ),
    "updated-weights-used": Code(
        "`{grad}` is computed with weights that backward has updated already",
        "compute every gradient from the old weights first, then take the step",
    ),
    "wrong-sign": Code("`{grad}` has the wrong sign", "check the order of a difference, or a minus that was dropped"),
    "factor-two": Code("`{grad}` is twice the gradient", "look for a factor 2 that the forward does not have"),
    "factor-half": Code("`{grad}` is half the gradient", "the derivative of a square is 2 times its base"),
    "missing-factor": Code(
        "`{grad}` is {n} times the gradient", "a constant factor of the forward is missing or doubled"
    ),
    "penalty-missing": Code(
        "`{grad}` lacks the weight penalty that the loss has: {n} * `{array}` is missing",
        "add the derivative of the penalty, reg * W or 2 * reg * W, to the gradient of every weight in it",
    ),
    "penalty-not-in-loss": Code(
        "`{grad}` has a weight penalty in it, {n} * `{array}`, and the loss has none",
        "add the penalty to the loss, too, or leave it out of the gradient",
    ),
    "not-accumulated": Code(
        "`{grad}` is wrong where one tensor is used more than once: its gradients have to add up",
        "every operation adds to the gradient of its operands, `grad += ...`; with `grad = ...` the last use wins",
    ),
    "wrong-order": Code(
        "`{grad}` is wrong where paths of different length meet: a node passes its gradient on before all has come",
        "run the nodes in reverse topological order, each of them once, after everything that it was used for",
    ),
    "transposed": Code(
        "`{grad}` is transposed", "swap the operands of the product: its shape must be that of `{array}`"
    ),
    "swapped-gradients": Code("`{grad}` is the gradient of `{n}`", "two gradients changed places; check the order"),
    "zero-gradient": Code(
        "`{grad}` is zero everywhere, and the slope of the forward is not", "return the gradient itself"
    ),
    "gradient-missing": Code(
        "`{grad}` is zero at entries where the slope of the forward is not",
        "a branch, a slice or a mask leaves entries out",
    ),
    "upstream-unchanged": Code(
        "`{grad}` is the upstream gradient itself, without the local derivative",
        "multiply the upstream gradient by the derivative of the layer",
    ),
    "forward-mismatch": Code(
        "`{grad}` is right only up to a constant shift", "a term was added that has no derivative"
    ),
    "wrong-gradient": Code(
        "`{grad}` is not the gradient of your forward", "derive it again, and compare the smallest case by hand"
    ),
    "wrong-shape": Code("`{grad}` has the wrong shape: {n}", "a gradient has the shape of its array"),
    "not-finite": Code(
        "`{grad}` has NaN or infinite entries where the slope is finite", "look for a division by zero or a log of zero"
    ),
    "not-numeric": Code("`{grad}` is not an array of numbers: {n}", "return a NumPy array of floats"),
    "not-implemented": Code("`{grad}` is None: the backward gives no gradient of `{array}`", "return it, or set it"),
    "missing-gradient": Code(
        "backward gives no gradient for `{array}`, which the forward depends on",
        "return it with the others, or set it; of what is data, a name such as `target` or `mask` says so",
    ),
    # clauses of the contract
    "upstream-ignored": Code(
        "backward ignores the upstream gradient: `{grad}` does not change with it",
        "chain rule: multiply the local derivative by the upstream gradient",
    ),
    "not-linear": Code(
        "backward is not linear in the upstream gradient: {n}",
        "the upstream gradient may only be multiplied by something that does not depend on it",
    ),
    "not-reproducible": Code(
        "forward gives different outputs for the same input, even with the same random state",
        "something is carried over from one call to the next, or drawn from a clock",
    ),
    "mutates-upstream": Code(
        "backward writes into the upstream gradient it was given",
        "work on a copy: another branch of the graph may still need that array",
    ),
    "mutates-input": Code(
        "the layer writes into the array `{array}` it was given", "work on a copy: the caller still has the original"
    ),
    "mutates-parameter": Code(
        "the layer writes into its parameter `{array}`",
        "work on a copy: only the update step may change a parameter",
    ),
    "mutates-output": Code(
        "backward writes into the output that forward returned",
        "work on a copy: the next layer still holds that array",
    ),
    "overwrites-output": Code(
        "the output of one forward is overwritten by the forward of another object",
        "return a new array: two layers of a network would write into each other's output",
    ),
    "aliased-output": Code(
        "the output is the input, and an in-place update of it changes `{grad}`",
        "return a copy, or keep a copy for the backward",
    ),
    "aliased-gradients": Code(
        "`{grad}` shares its memory with another gradient, the upstream one, or that of the next call",
        "return a copy: an in-place update of one would change the other",
    ),
    "accumulates": Code(
        "`{grad}` accumulates: a second backward adds to the first", "fine if you zero it before each step; say so"
    ),
    "stale-state": Code(
        "`{grad}` depends on an earlier call: the same forward and backward gave another gradient the second time",
        "keep what backward needs on the object, and set it in every forward",
    ),
    "earlier-forward": Code(
        "after two forwards `{grad}` still belongs to the first",
        "every forward has to set anew what backward needs",
    ),
    "shared-state": Code(
        "two objects share what forward keeps: `{grad}` of one changes, or is lost, when the other runs",
        "keep it on self or in the cache; class attributes, globals and mutable default arguments are one for all",
    ),
    "batch-of-one": Code(
        "a batch of one sample {n}",
        "keep the batch axis: squeeze(), a sum without keepdims or a test for ndim drops it when it is 1",
    ),
    "empty-batch": Code("an empty batch {n}", "only worth knowing where the last batch of a data set can be empty"),
    "memory-layout": Code(
        "an input that is {n} is not handled like the same numbers in a contiguous array",
        "use indices and reshape, not the memory: x.ravel('K'), x.data and strides depend on the layout",
    ),
    "promotes-float32": Code(
        "float32 goes in and float64 comes out: {n}",
        "make new arrays with the dtype of the input, as np.zeros_like does",
    ),
    "cuts-integers": Code(
        "an integer input gives another {n} than the same numbers as floats",
        "make buffers with a float dtype: np.zeros_like of integers cuts what is stored in it",
    ),
    "dtype-changed": Code(
        "`{grad}` comes back as {n} although everything else is float64", "keep the dtype of the input"
    ),
    "second-backward-differs": Code(
        "a second backward after the same forward gives another `{grad}`",
        "backward changes something that forward stored",
    ),
    "kink": Code(
        "on the kink {n} `{grad}` is neither of the one-sided slopes nor between them",
        "any slope between the two is right there; 0 / 0 and 0 * inf are the usual culprits",
    ),
    "tie": Code(
        "at {n} `{grad}` gives the equal entries together more than the upstream gradient",
        "give it to one of them, or split it: moved together they are one entry",
    ),
    "tie-lost": Code(
        "at {n} `{grad}` gives the equal entries together less than the upstream gradient",
        "one of them has to get it, or all of them a share: compare with >= on one side",
    ),
    # forward and update rule
    "forward-differs": Code(
        "the forward differs from the reference `{n}`", "compare the formula with `gradcheck explain {n}`"
    ),
    "forward-close": Code(
        "the forward is the reference's but for a relative {n}",
        "type constants with all their digits: np.pi, np.sqrt(2)",
    ),
    "update-differs": Code(
        "the update differs from the reference `{n}`, in every form that is known",
        "compare the formula with `gradcheck explain {n}`, one step after the other",
    ),
    "update-lost": Code(
        "the parameters do not change at all",
        "p = p - step only rebinds the name p; write p -= step, or put the result back where it came from",
    ),
    "setting-ignored": Code(
        "{n}: whatever is given, the rule works with other numbers than these",
        "use the attribute that the constructor has set, self.momentum = momentum, and no number in its place",
    ),
    "clip-differs": Code(
        "the clipped gradients differ from the reference `{n}`", "compare the formula with `gradcheck explain {n}`"
    ),
    "clip-lost": Code(
        "the gradients are not clipped: they come out as they went in",
        "g = g * rate only rebinds the name g; write g *= rate, or np.clip(g, -limit, limit, out=g)",
    ),
    "schedule-differs": Code(
        "the learning rate differs from the reference `{n}`", "compare the formula with `gradcheck explain {n}`"
    ),
    "symmetric-weights": Code(
        "all weights start with the same number: the units get the same gradient and stay alike",
        "draw the weights at random; only biases may start with 0",
    ),
    "repeated-draws": Code(
        "the same random numbers are used many times, so that whole rows or columns are equal",
        "draw the full shape at once",
    ),
    "wrong-mean": Code("the numbers have another mean than the reference `{n}`", "weights scatter around 0"),
    "wrong-spread": Code(
        "the standard deviation of the numbers is {n} times the right one",
        "look at the root, at the factor and at which fan is meant; a variance is the square of a deviation",
    ),
    "wrong-distribution": Code(
        "the numbers have another distribution than the reference `{n}`",
        "np.random.randn is normal, np.random.rand is uniform between 0 and 1",
    ),
    "wrong-constant": Code("the tensor does not start with the number of the reference `{n}`", "np.full(shape, value)"),
    "seeded-inside": Code(
        "every call draws the same numbers: the seed is set inside",
        "set the seed once, where the program starts; two layers of one shape would start alike",
    ),
    "not-in-place": Code(
        "the update makes a new array; whoever holds the old one, such as a layer, does not see it",
        "write into the array: params[key] -= lr * grads[key]",
    ),
    "square-only": Code(
        "`{grad}` is right for square images only",
        "height and width are taken for one another, or one of them for both: follow them through the shapes",
    ),
    "not-as-named": Code(
        "its name is that of `{n}`, its forward is of another kind: the backward was judged for that",
        "if it is meant to be `{n}`, compare the two forwards: gradcheck explain {n}",
    ),
    # it does not get that far
    "raised": Code("`{target}` raised {n}", "run the lines below, and look at what that line gets"),
    "returns-nothing": Code(
        "the forward of `{target}` returns nothing", "end it with `return`: what it computes is given to nobody"
    ),
    "time-limit": Code(
        "`{target}` did not come back within {n} s", "look for a loop whose condition never becomes false"
    ),
    "bad-output": Code("{n}", "return one NumPy array"),
}


def sentence(code: str, **values: str) -> str:
    """The sentence of a code with its blanks filled."""
    return CODES[code].says.format(**{"grad": "", "array": "", "target": "", "n": "", **values})


def help_for(code: str, **values: str) -> str:
    """The help of a code with its blanks filled."""
    return CODES[code].help.format(**{"grad": "", "array": "", "target": "", "n": "", **values})
