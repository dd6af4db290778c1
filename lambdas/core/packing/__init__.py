"""Which instances to launch for which jobs: the packing of hosts at the lowest cost."""

from lambdas.core.packing.model import Hosts, HostType, Need, Packing, Space
from lambdas.core.packing.pack import floor, pack

__all__ = ["HostType", "Hosts", "Need", "Packing", "Space", "floor", "pack"]
