"""What the public must not read in a text, kind by kind: pure rules over strings, without database or city."""
