"""Places where alerts are read: each sink renders for one kind of reader and posts once; retrying is not theirs."""
