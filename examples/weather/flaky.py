"""Fail on the first attempt and succeed on the next: what a retry with backoff is for.

AWS_BATCH_JOB_ATTEMPT counts from 1, as in AWS Batch.
"""

import os
import sys

attempt = int(os.environ.get("AWS_BATCH_JOB_ATTEMPT", "1"))
print(f"attempt {attempt} of job {os.environ.get('AWS_BATCH_JOB_ID', '-')}", flush=True)
if attempt == 1:
    sys.exit("the weather service did not answer; a later attempt may be luckier")
print("the weather service answered", flush=True)
