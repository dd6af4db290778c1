"""Figures that anyone can print: `make bench`."""
