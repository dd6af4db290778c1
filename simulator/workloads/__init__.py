"""Workloads: what jobs there are, when they come, what they need, and how each attempt goes.

A workload is data. It is read from a file (`files`), drawn from a seed (`generator`), or told by a
deployed platform (`history`), and then played through the production services (`play`).
"""
