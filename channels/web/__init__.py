"""The web page and the chat API that programs use."""
