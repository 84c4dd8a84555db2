"""Plain words to a topic, a choice, the menu or safety: `Recogniser.recognise`, deterministic and on the spot."""

from chatbot.recognition.recogniser import Recogniser, Recognition, customers_words, load_recogniser

__all__ = ["Recogniser", "Recognition", "customers_words", "load_recogniser"]
