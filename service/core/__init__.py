"""The functional core: time, bytes and randomness come in as arguments, alerts and notices go out as values.

Nothing here waits, reads a clock or touches the world; the edges around it do, through `ports`.
"""
