"""The minimum of a smooth convex function, by limited-memory BFGS (Nocedal 1980)."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MEMORY = 10  # steps whose curvature is remembered
MOST_STEPS = 200
ENOUGH = 1e-5  # relative change of the value below which it is found
SUFFICIENT = 1e-4  # of the decrease that the slope promises (Armijo)
MOST_HALVINGS = 20


def minimised(loss: Callable[[Floats], tuple[float, Floats]], start: Floats) -> Floats:
    """Return where *loss*, which gives value and slope, is least, beginning at *start*."""
    at = start
    value, slope = loss(at)
    steps: list[Floats] = []
    bends: list[Floats] = []
    for _ in range(MOST_STEPS):
        direction = -_bent(slope, steps, bends)
        descent = float(slope @ direction)
        length = 1.0 if steps else 1 / max(1e-12, float(np.linalg.norm(slope)))
        for _ in range(MOST_HALVINGS):
            new_value, new_slope = loss(at + length * direction)
            if new_value <= value + SUFFICIENT * length * descent:
                break
            length /= 2
        else:
            return at
        step, bend = length * direction, new_slope - slope
        if float(bend @ step) > 1e-14:
            steps, bends = [*steps, step][-MEMORY:], [*bends, bend][-MEMORY:]
        at = at + step
        is_found = abs(value - new_value) <= ENOUGH * abs(value)
        value, slope = new_value, new_slope
        if is_found:
            break
    return at


def _bent(slope: Floats, steps: list[Floats], bends: list[Floats]) -> Floats:
    """Return *slope* as the remembered curvature bends it: the two loops of the method."""
    result = slope.copy()
    shares: list[float] = []
    for step, bend in zip(reversed(steps), reversed(bends), strict=True):
        share = float(step @ result) / float(bend @ step)
        shares.append(share)
        result -= share * bend
    if steps:
        result *= float(steps[-1] @ bends[-1]) / float(bends[-1] @ bends[-1])
    for step, bend, share in zip(steps, bends, reversed(shares), strict=True):
        result += (share - float(bend @ result) / float(bend @ step)) * step
    return result
