"""The container agent: what ECS's agent is on a host, for a laptop.

It takes the tasks that the local cloud accepted, runs each one once (as a Docker container, or
as a process tree with enforced limits), carries its output to CloudWatch Logs and reports what
became of it.
"""
