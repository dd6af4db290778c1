"""Virtual time around the real services, on memory adapters."""
