"""What people and machines do with a deployment beside submitting a trial's jobs, door by door."""
