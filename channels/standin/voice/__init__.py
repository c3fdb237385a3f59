"""A telephone that people can run: Twilio's voice, its REST and its TwiML, callers and operators who are programs or pages."""
