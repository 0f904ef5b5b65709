"""Transformers models on torch, behind the interface of engines. The only package that imports torch."""
