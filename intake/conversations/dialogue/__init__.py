"""The automatic dialogue as a function of values: what was said and what is known, to what to answer and what to do. No I/O."""
