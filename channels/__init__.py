"""The ways people reach the assistant, one folder per channel."""
