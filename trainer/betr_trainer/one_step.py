"""
Single optimizer steps from one checkpoint, each taken back: the arithmetic of one-step influence, for any loss.
Montessori-Instruct (arXiv 2410.14208): influence = loss before the step - loss after it, positive if the step helps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer


class Start:
    """The weights and optimizer state to return to: those of the moment when this is made."""

    def __init__(self, parameters: Sequence[Parameter], optimizer: Optimizer) -> None:
        self._parameters, self._optimizer = list(parameters), optimizer
        self._weights = [parameter.detach().clone() for parameter in parameters]
        self._state = {
            parameter: {name: value.clone() for name, value in optimizer.state[parameter].items()}
            for parameter in parameters
            if parameter in optimizer.state
        }

    @torch.no_grad()
    def restore(self) -> None:
        """Puts back every weight and the optimizer's state, bit by bit."""
        for parameter, weight in zip(self._parameters, self._weights, strict=True):
            parameter.copy_(weight)
            parameter.grad = None
        self._optimizer.state.clear()
        for parameter, state in self._state.items():
            self._optimizer.state[parameter] = {name: value.clone() for name, value in state.items()}

    @torch.no_grad()
    def fall_along(self, gradient: Sequence[Tensor]) -> float:
        """⟨gradient, weights at the start - weights now⟩: how far a linear loss has fallen."""
        rows = zip(gradient, self._weights, self._parameters, strict=True)
        return float(sum(((before - now) * slope).double().sum() for slope, before, now in rows))


def step(parameters: Sequence[Parameter], optimizer: Optimizer, backward: Callable[[], object] | None) -> None:
    """
    One optimizer step on the gradient that `backward` leaves; with None, a step on a zero gradient, which moves the
    weights by momentum and weight decay alone.
    """
    optimizer.zero_grad(set_to_none=True)
    if backward is not None:
        backward()
    for parameter in parameters:
        if parameter.grad is None:  # A missing gradient would exempt a weight from momentum and decay.
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
