"""Proof that the fault runs can fail: the product with one safeguard taken out, again and again."""
