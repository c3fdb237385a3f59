"""The machine that answers: greeting, menu, the dialogue of the text channels said aloud, the waiting line, the end of a call.

`answering` decides what comes after what, one document after the other; `twiml` writes them; nothing here calls the provider.
"""
