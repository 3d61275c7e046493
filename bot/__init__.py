"""Assembling and starting the assistant: settings, server, Rasa graph components, stores, in-process actions, Reply."""
