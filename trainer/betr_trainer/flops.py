"""
Training compute as the field counts it: 6 N D for N parameters and D tokens (2 in the forward pass, 4 in the backward
pass; Kaplan et al., arXiv 2001.08361, section 2.1). N is told with and without embeddings: for small models with large
vocabularies they differ by a factor, and papers use both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flops:
    """FLOPs by a model's parameters with and without embeddings."""

    parameters: int
    parameters_without_embeddings: int

    def train(self, tokens: int) -> tuple[float, float]:
        """FLOPs of training on so many tokens, with and without embeddings."""
        return 6.0 * self.parameters * tokens, 6.0 * self.parameters_without_embeddings * tokens

    def read(self, tokens: int) -> tuple[float, float]:
        """FLOPs of forward passes over so many tokens, with and without embeddings."""
        return 2.0 * self.parameters * tokens, 2.0 * self.parameters_without_embeddings * tokens
