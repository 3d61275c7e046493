"""Training places: bases, courses and slots, bookings, the waiting list, check-in and the notices about them. No Rasa, no web server."""
