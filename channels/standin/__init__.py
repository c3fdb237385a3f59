"""A stand-in for the SMS provider that people can run: it speaks Twilio's REST and signed callbacks, and has a phone page."""
