"""Blobs and models in plain files."""
