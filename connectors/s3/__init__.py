"""Blobs in a bucket of the S3 API."""
