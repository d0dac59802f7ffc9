"""The classical mistakes of further losses and small models; see `test_catalogue_mistakes`."""

from __future__ import annotations

MISTAKES: dict[str, dict[str, str]] = {
    "mae": {
        "sign(t - y)": "mae.t_minus_y",
        "|y - t| for its sign": "mae.distance_for_sign",
        "y - t for its sign": "mae.difference_for_sign",
        "1/n dropped": "mae.not_divided",
        "N for N D": "mae.divided_by_samples_only",
    },
    "huber": {
        "delta dropped on the linear branch": "huber.delta_dropped",
        "gradient of smooth L1": "huber.gradient_of_smooth_l1",
        "no clip": "huber.square_everywhere",
        "sign dropped on the linear branch": "huber.sign_dropped",
    },
    "smooth_l1": {
        "division by beta dropped": "smooth_l1.beta_dropped",
        "beta taken for Huber's delta": "smooth_l1.gradient_of_huber",
        "sign everywhere": "smooth_l1.corner_not_rounded",
    },
    "hinge_binary": {
        "labels 0 and 1": "hinge.zeros_for_minus_ones",
        "squared: labels 0 and 1": "squared_hinge.zeros_for_minus_ones",
        "sign": "hinge.minus_dropped",
        "squared: sign": "squared_hinge.minus_dropped",
        "factor 2 of the square": "squared_hinge.two_dropped",
        "squared: margin dropped with the square": "squared_hinge.margin_dropped",
        "no mask": "hinge.every_margin_open",
        "squared: no mask": "squared_hinge.every_margin_open",
    },
    "perceptron_criterion": {
        "0/1 for -1/+1": "perceptron_criterion.zeros_for_minus_ones",
        "updates on right samples": "perceptron_criterion.right_samples_too",
        "margin of the hinge": "perceptron_criterion.margin_of_the_hinge",
    },
    "kl_div": {
        "arguments swapped": "kl_div.arguments_swapped",
        "probabilities for logs": "kl_div.logarithm_forgotten",
        "mean for batchmean": "kl_div.divided_by_elements",
        "-p/q for log q": "kl_div.gradient_of_the_probabilities",
        "1 of the product rule dropped": "kl_div.one_dropped",
    },
}
