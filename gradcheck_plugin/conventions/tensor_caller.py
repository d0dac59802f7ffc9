"""A caller for user code that works on torch tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcheck_plugin.conventions.base import Caller, Tape
from gradcheck_plugin.model import Array
from gradcheck_plugin.running import calls
from gradcheck_plugin.running.tensors import double, to_tensor


class TensorCaller:
    """Another caller whose arrays become tensors on their way to the user's code."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def __getattr__(self, name: str) -> Any:
        return getattr(self._caller, name)

    tensors = True
    forward_after = None  # tensors are made in `forward` only

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        with calls.converting(to_tensor), double():
            tape = self._caller.forward(arrays)
        run = tape.backward

        def backward(dy: Any) -> dict[str, Any]:
            with calls.converting(to_tensor), double():
                return run(to_tensor(dy))

        return Tape(tape.output, backward)
