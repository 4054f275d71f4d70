"""Bytes to one secret address: which addresses may be configured, which may be connected to, and one post to one."""
