"""The program of the trigger's job: say which object it was told of, and what is in it."""

import os
import sys

import boto3

bucket, key = sys.argv[1:]
assert (bucket, key) == (os.environ["BATCHYARD_INPUT_BUCKET"], os.environ["BATCHYARD_INPUT_KEY"])
body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
print(f"key={key}")
print(f"body={body}")
