"""`make smoke`: prove a deployment on a real AWS account, say what it may cost, and remove it.

It has its own name (`byd-smoke-…`), its own watchdog and its own clean-up. The jobs and what they
prove (`cases`, `findings`) run against any platform: the tests run them on the embedded cloud.
"""
