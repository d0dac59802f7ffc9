"""What people call the arguments of forwards and backwards, of set-up methods, and of plain functions."""

from __future__ import annotations

from gradcheck_plugin.names.patterns import Pattern

UPSTREAM = Pattern(
    r".*(grad|delta|error|upstream|sensitiv|nabla|residual|loss|cost|cotangent|diff).*|d[_A-Z]\w*|"
    r"d_?(out|o|y|z|a|h|x|l|s|v|hs|out_?puts?|in_?puts?|values?|scores?|logits|next|acts?|activations?)\d*|"
    r"g|gy|gz|ga|gx|go|gO|g_?outs?|err|e",
    ("dout", "dZ", "grad_output", "delta", "output_error", "dvalues", "gy", "upstream"),
    ("x", "y", "data", "dim", "depth", "output", "z"),
)
INPUT = Pattern(
    r"x|z|s|u|net|v_?in|in_?|inp|input_?s?|input_?(data|tensor|value)|data|raw|net_?in(put)?|weighted_?(input|sum)|"
    r"pre_?act(ivation)?s?|logits?",
    ("x", "z", "inputs", "input_data", "pre_activation", "weighted_sum", "Z"),
    ("y", "dout", "output", "index"),
)
OUTPUT = Pattern(
    r"y|a|o|h|out_?|out_?puts?|output_?(data|tensor|value)|act|activ(ated|ation)s?|post_?act(ivation)?s?|y_?hat|y_?pred|"
    r"f_?x|fx|result|res|sig|prob(s|abilities)?",
    ("y", "a", "output", "activation", "y_hat", "probs", "A"),
    ("x", "dout", "z", "target", "axis"),
)
DERIVATIVE = Pattern(
    r"(first_?)?d?(deriv(ative|ate)?|prime|slope)|df|gradient|grad|\w+_(derivative|prime)",
    ("derivative", "prime", "df", "tanh_prime", "first_derivative", "sigmoid_derivative"),
    ("backward", "grad_output", "primes", "update"),
)
ACTIVATION = Pattern(
    r"act\w*|\w*_act|activation\w*|\w*activation|nonlin\w*|transfer\w*|phi|sigma|f|g",
    ("activation", "hidden_activation", "nonlinearity", "act_fn", "f", "phi"),
    ("layer", "dense", "loss", "exact"),
)
GRADIENT_OF = Pattern(
    r"\w*(backward|backprop|grad(ient)?s?|prime|deriv(ative)?|delta)\w*",
    ("backward", "mse_prime", "loss_grad", "compute_gradient", "backpropagate"),
    ("forward", "loss", "predict", "step"),
)
LOSS = Pattern(
    r"\w*(loss|criterion|cost|objective|error)\w*",
    ("loss", "criterion", "mse_loss", "cost_function", "loss_fn"),
    ("layer", "net", "activation", "coat"),
)
CACHE = Pattern(
    r"\w*cache|ctx|context|saved|memory|memo|residuals|stored",
    ("cache", "linear_cache", "ctx", "saved"),
    ("dout", "x", "cached_output", "dcontext"),
)
IN_SHAPE = Pattern(
    r"(in|input|inp|inputs|prev|previous|x|data|sample)?_?(shape|dims)",
    ("input_shape", "shape", "prev_shape", "in_dims", "x_shape"),
    ("output_shape", "kernel_shape", "dim"),
)
COUNTS_INPUTS = Pattern(
    r"(n|num|nb|dim|d)?_?(in|input|inputs|inp|prev|previous)_?(size|dim|features?|units|nodes|neurons|len|n|num)?|fan_in",
    ("n_in", "input_size", "fan_in", "prev_units", "num_inputs"),
    ("n_out", "units", "hidden_size"),
)
OPTIMIZERS = ("optimizer", "optimiser", "optim", "opt")
ENGINES = ("autograd_engine", "autograd", "autograd_obj", "engine", "tape")
ACTIVATION_LISTS = ("activations", "activation_list", "activation_layers", "activation_fns")
CRITERIA = ("criterion", "loss_fn", "loss_function", "loss_layer")

# the arguments of a plain function, where nothing but the name says what they are

AXES = ("dim", "dims", "axis", "axes", "d")
SCALARS = ("alpha", "lambda_", "lambd", "lam", "lmbda", "coeff", "coef", "scale", "constant", "slope", "negative_slope",
           "eps", "epsilon", "ε", "p", "beta", "bound", "threshold", "temperature", "tau", "momentum")  # fmt: skip
WITHOUT_VALUE = ("device", "dtype", "generator", "group", "process_group", "name")
INTEGERS = Pattern(
    r"(n|num|nb)_\w+|groups?|steps?|size|kernel(_size)?|padding|pad|dilation|window(_size)?|levels?|bits?",
    ("num_heads", "n_bits", "groups", "kernel_size", "levels"),
    ("number", "scale", "x", "alpha"),
)
FLAGS = Pattern(
    r"inplace|training|train|is_\w+|use_\w+|\w+_flag|keep_?dims?|bidirectional|reverse|hard|normali[sz]e",
    ("inplace", "is_causal", "use_bias", "keepdim", "train_flag"),
    ("trained", "mask", "reversed"),
)
FUNCTIONS = Pattern(
    r"fn|func|function|\w+_(fn|func|function)",
    ("fn", "activation_fn", "loss_function"),
    ("fnorm", "f", "functional"),
)
DATA = Pattern(
    r"(y_?)?(targets?|labels?|true|gt)|ground_truth|t|\w*mask|(\w+_)?(index|indices|idx|inds)|lengths?|seq_lens?",
    ("targets", "y_true", "attn_mask", "row_index", "lengths"),
    ("x", "masked_input", "y", "weight"),
)
TARGETS = Pattern(
    r"(y_?)?(targets?|labels?|true|gt)|ground_truth",
    ("target", "y_true", "labels", "ytrue", "gt"),
    ("t", "y", "label_scores"),
)
