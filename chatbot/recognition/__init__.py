"""Plain words to a topic, a choice, the menu or safety; deterministic, and on the spot.

`recogniser.Recogniser.recognise` is the one function; the other files are its parts.
"""
