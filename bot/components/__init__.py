"""Rasa graph components of our own: tokenizer, intent classifier, entity extractor."""
