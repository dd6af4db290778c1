"""What a job takes of a compute environment, and why it may never fit: told in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from lambdas.core.catalog import Environment
from lambdas.core.fargate import explain_misfit, size_for
from lambdas.core.shape import Shape


def footprint(shape: Shape, env: Environment) -> int | None:
    """The milli-vCPUs this shape takes of this environment; None when it can never hold it."""
    if shape.platform != env.platform:
        return None
    size = size_for(shape.milli_vcpus, shape.memory)
    if size is None or size.milli_vcpus > env.max_milli_vcpus:
        return None
    return size.milli_vcpus


def infeasible(shape: Shape, environments: Iterable[Environment]) -> str | None:
    """Why none of these environments could ever hold the shape, in one sentence; None if one can."""
    found = list(environments)
    if any(footprint(shape, env) is not None for env in found):
        return None
    return "; ".join(misfit(shape, env) for env in found) or "the queue has no compute environment"


def vcpus(milli: int) -> str:
    """2500 → "2.5 vCPUs"."""
    return f"{milli / 1000:g} vCPU" + ("" if milli == 1000 else "s")


def misfit(shape: Shape, env: Environment) -> str:
    """Why this environment can never hold the shape."""
    if shape.platform != env.platform:
        return f"{env.name}: runs {env.platform} jobs, the job asks for {shape.platform}"
    size = size_for(shape.milli_vcpus, shape.memory)
    if size is None:
        return f"{env.name}: {explain_misfit(shape.milli_vcpus, shape.memory)}"
    return (
        f"{env.name}: needs {vcpus(size.milli_vcpus)} ({shape.told()}), "
        f"its maxvCpus is {env.max_milli_vcpus // 1000}"
    )
