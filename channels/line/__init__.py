"""LINE: the Messaging API's webhook in, reply and push messages out."""
