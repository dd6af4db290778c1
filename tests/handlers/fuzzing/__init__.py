"""Input for the handlers that nobody would write by hand: right, nearly right, and hostile.

`shapes` makes values from AWS Batch's service model as botocore ships it; `requests` requests that
this platform must accept; `spoil` turns a right request into one that is wrong in one place;
`hostile` is what is no request at all; `events` what comes by EventBridge. `deployment` is the
world they are sent to, `judge` holds an answer to what is promised of every answer, and `told`
says what an accepted request must read like when it is described.
"""
