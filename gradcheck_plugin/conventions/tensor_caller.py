"""A caller for user code that works on torch tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcheck_plugin.conventions.base import Caller, Tape, Wrapped
from gradcheck_plugin.model import Array
from gradcheck_plugin.objects.strengths import Strength
from gradcheck_plugin.running import calls
from gradcheck_plugin.running.tensors import double, to_tensor


class TensorCaller(Wrapped):
    """Another caller whose arrays become tensors on their way to the user's code, in `forward` only."""

    tensors = True

    def forward(self, arrays: Mapping[str, Array]) -> Tape:
        with calls.converting(to_tensor), double():
            tape = self.wrapped.forward(arrays)
        run = tape.backward

        def backward(dy: Any) -> dict[str, Any]:
            with calls.converting(to_tensor), double():
                return run(to_tensor(dy))

        return Tape(tape.output, backward)

    def strengths(self, arrays: Mapping[str, Array]) -> list[Strength]:
        return self.wrapped.strengths(arrays)

    def weighted(self, values: Mapping[Strength, float]) -> Caller:
        return self.around(self.wrapped.weighted(values))
