"""Rasa custom actions, one file per feature: read slots, call a domain module, return a Reply."""
