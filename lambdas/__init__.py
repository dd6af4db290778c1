"""Everything that runs in AWS Lambda: one code asset for all functions."""
