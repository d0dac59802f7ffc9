"""activations.py"""

import numpy as np


def gaussian(x):
    return np.exp(-(x**2))


def dgaussian(x):
    return -x * np.exp(-(x**2))
