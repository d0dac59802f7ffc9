"""What people call the arguments of a constructor, and the values that settings of these names get.

Names are asked last: where an annotation, a default, the author's own calls or the code say what an argument is, they
choose among what is left.
"""

from __future__ import annotations

from typing import Any

from gradcheck_plugin.names.patterns import Pattern
from gradcheck_plugin.names.words import RATE, RATES

_WHAT = (
    r"_?(d|dims?|size|sz|features?|feats?|channels?|ch|chan|units?|nodes?|neurons?|classes|len|length|width|num|"
    r"shape|n)?"
)
IN_SIZE = Pattern(
    r"(n|num|nb|dim|size|d|c)?_?(in|inp|input|inputs|visible|fan_?in|from|prev|x|features?|channels?|dim|size|d)"
    + _WHAT,
    ("n_in", "in_features", "input_size", "fan_in", "num_inputs", "in_channels", "dim", "size"),
    ("n_out", "inner", "hidden_size", "index", "init", "interval"),
)
OUT_SIZE = Pattern(
    r"(n|num|nb|dim|size|d|c)?_?(out|output|outputs|fan_?out|to|next|y|class|classes|labels?|neurons?|units?|nodes?|"
    r"filters?|kernels?|depth|layer_depth|m|c)" + _WHAT,
    ("n_out", "out_features", "output_size", "num_classes", "units", "filters", "out_channels"),
    ("n_in", "tolerance", "momentum", "hidden", "outer", "mode"),
)
MODEL_SIZE = ("d_model", "model_dim", "embed_dim", "embed_size", "embedding_dim")
HIDDEN_SIZE = Pattern(
    r"(n|num|nb|dim|size)?_?(hidden|hid|h)s?(_?layers?)?" + _WHAT + r"|conv\d+_(channels|filters)",
    ("hidden", "hidden_size", "n_hidden", "h", "hidden_layer_size", "conv1_filters"),
    ("height", "head", "n_in", "heads"),
)
WORDS = Pattern(
    r"(n|num|size|dim)?_?(vocab|vocabulary|voc|words|tokens|embeddings)(_?(size|len|length|num|dim))?|v",
    ("vocab_size", "n_words", "num_embeddings", "v"),
    ("embedding_dim", "word_dim", "value"),
)
WORD_SIZE = Pattern(
    r"(n|num|size|dim)?_?(word_?vec|embed|embedding|emb|word|d_?model)(_?(size|dim|d|len))?",
    ("embed_dim", "wordvec_size", "embedding_size", "d_model"),
    ("num_embeddings", "vocab_size", "words"),
)
FILTERS = Pattern(
    r"(n|num|nb)?_?(filters?|kernels?)(_(num|n))?|filters?_count",
    ("filters", "n_filters", "filter_num", "num_kernels"),
    ("filter_size", "kernel_size"),
)
SLOPE = Pattern(
    r".*(f|fn|func|function|activation|act)_?(prime|derivative|deriv|grad).*|.*d_?(f|activation)",
    ("activation_prime", "f_prime", "activation_derivative", "d_activation", "df"),
    ("activation", "function", "prime", "gradient"),
)
INITIALISERS = Pattern(
    r"(weights?_|bias_|w_|b_|kernel_)?(init|initializer|initialiser|init_fn|initializer_fn)",
    ("weight_init", "initializer", "bias_init_fn", "kernel_initializer"),
    ("init_scale", "initial_state", "weights"),
)
WORD_TO_INDEX = Pattern(
    r"(char|word|token|tok|ch)s?_?(2|to)_?(idx|id|ix|index|int|i)",
    ("word_to_idx", "char2ix", "token_to_id"),
    ("idx_to_word", "word_size"),
)
INDEX_TO_WORD = Pattern(
    r"(idx|id|ix|index|int|i)_?(2|to)_?(char|word|token|tok|ch)s?",
    ("idx_to_word", "ix2char", "id_to_token"),
    ("word_to_idx", "index"),
)
DROP = ("p", "r", "rate", "drop", "dropout", "drop_rate", "drop_prob", "dropout_rate", "dropout_ratio", "p_drop",
        "dropout_prob", "dropout_p", "p_dropout", "prob", "probability", "keep_prob", "keep_rate", "keep",
        "ratio", "drop_probability", "dropout_probability")  # fmt: skip
KERNEL = ("kernel_size", "kernel", "filter_size", "filter_len", "field_size", "ksize",
          "window", "window_size", "pool_size", "pool_h", "pool_w", "pool_height", "pool_width", "f", "k",
          "max_len", "kernel_width")  # fmt: skip
OPTION_NAMES = {
    "p": DROP,
    "groups": ("g", "groups", "num_groups", "n_groups", "group"),
    "slope": ("slope", "alpha", "negative_slope", "leak", "a"),
    "reg": ("reg", "lam", "lambda_", "weight_decay", "weight_decay_lambda", "l2", "alpha"),
    "lr": ("lr", "learning_rate", "eta"),
    "axis": ("axis", "dim", "axes", "dims"),
    "c": ("c", "power", "exponent", "scalar", "p", "n", "exp"),
    "ddof": ("ddof", "correction"),
    "value": ("value", "fill_value", "fill"),
    "reduction": ("reduction",),
    "kernel": (*KERNEL, "size"),
    "stride": ("stride", "strides", "stride_size"),
    "pad": ("pad", "padding", "pad_size"),
    "dilation": ("dilation", "dilation_rate"),
    "output_padding": ("output_padding", "out_padding"),
    "factor": ("downsampling_factor", "downsample_factor", "upsampling_factor", "upsample_factor"),
    "low": ("low", "lo", "min", "x_min", "a_min", "min_val", "min_value", "lower"),
    "high": ("high", "hi", "max", "x_max", "a_max", "max_val", "max_value", "upper"),
}
SIZES = ("sizes", "layers", "layer_sizes", "topology", "dims", "layer_dims", "layers_dims", "units", "structure")
SETTINGS: dict[str, Any] = {
    **dict.fromkeys(DROP, 0.4),
    **dict.fromkeys(("alpha", "lam", "lambda_", "l1", "l2", "reg"), 0.3),
    **dict.fromkeys(KERNEL, 3),
    **dict.fromkeys(("stride", "strides", "stride_size"), 2),
    **dict.fromkeys(("stride_shape",), (2, 2)),
    **dict.fromkeys(("pooling_shape", "pool_shape", "filter_shape", "kernel_shape"), (3, 3)),
    **dict.fromkeys(("pad", "padding", "pad_size"), 1),
    **dict.fromkeys(("upsampling_factor", "downsampling_factor", "upsample_factor", "scale_factor"), 2),
    **dict.fromkeys(("momentum", "beta1", "decay", "decay_rate"), 0.9),
    **dict.fromkeys(("eps", "epsilon"), 1e-5),
    **dict.fromkeys((name for name in RATES if name != "alpha"), RATE),
    **dict.fromkeys(("num_heads", "n_heads", "heads", "groups", "num_groups"), 2),
    **{name: [6, 7] for name in ("hidden_size_list", "hidden_dims", "hidden_sizes", "hidden_layers", "hiddens")},
    **dict.fromkeys(("optimizer", "name", "seed", "random_state", "dtype", "device"), None),
}
PAIRS = {"stride_shape": "stride", **dict.fromkeys(("pooling_shape", "pool_shape"), "kernel")}  # as (rows, columns)
IN_SHAPES = ("input_shape", "in_shape", "x_shape", "inp_shape", "shape")
OUT_SHAPES = ("output_shape", "out_shape")
KEEPS_AXES = ("keepdims", "keep_dims", "keepdim", "keep_dim")
